"""Arguments: argparse with our errors (one line, the nearest known word) and the common options.

A subcommand is a module with a docstring, `configure(parser)` and `run(args) -> int`.
"""

from __future__ import annotations

import argparse
from typing import NoReturn

import lockcheck
from lockcheck.cli import Parser as CommandParser

from .status import CallError

__all__ = ["Parser", "add_checking", "add_model", "add_output", "positive", "seed"]

REGIMES = ("global", "small", "pernet", "naive")
WORKERS = ("netns", "percpu")
STRICTNESS = ("off", "converted", "all")
SEVERITIES = tuple(reversed(lockcheck.SEVERITIES))
LEVELS = ("debug", "info", "warning", "error")


class Parser(CommandParser):
    """Mistakes are a CallError."""

    def refuse(self, text: str) -> NoReturn:
        raise CallError(text)


def positive(text: str) -> int:
    """A whole number above zero."""
    return _number(text, 1)


def natural(text: str) -> int:
    """A whole number, zero included."""
    return _number(text, 0)


def _number(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least or value > 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least}")
    return value


def seconds(text: str) -> float:
    """A time above zero."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 10**7:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def seed(text: str) -> int:
    """A seed, decimal or 0x…"""
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed (decimal or 0x…)") from None


def add_model(
    parser: argparse.ArgumentParser, *, rtnl: str | None = "small", timing: str = "zero"
) -> None:
    """Options that say which kernel runs."""
    group = parser.add_argument_group("the model")
    group.add_argument(
        "--rtnl", choices=REGIMES, default=rtnl, help="regime (default: %(default)s)"
    )
    group.add_argument(
        "--workers",
        choices=WORKERS,
        default="netns",
        help="a worker thread per namespace, or Linux 7.3's work queue per CPU (default: netns)",
    )
    group.add_argument("--cpus", type=positive, default=2, metavar="N", help="the model's CPUs")
    group.add_argument(
        "--strict",
        choices=STRICTNESS,
        default="converted",
        help="whose devices only their own namespace's owner may unregister (default: %(default)s)",
    )
    group.add_argument(
        "--bug",
        action="append",
        default=[],
        metavar="ID",
        help="apply an entry of the catalogue (repeatable; see `bugs`)",
    )
    group.add_argument(
        "--fix",
        action="append",
        default=[],
        metavar="G.n",
        help="add a fix that pernet has to small, to look behind a known defect (repeatable)",
    )
    group.add_argument(
        "--driver",
        action="append",
        default=[],
        metavar="FILE",
        help="a Python file with a LinkDriver of your own (repeatable)",
    )
    group.add_argument(
        "--replace",
        action="store_true",
        help="let such a driver take the place of one of the model's",
    )
    group.add_argument(
        "--timing",
        default=timing,
        metavar="NAME",
        help="table of waits: zero, quick, idle or busy (default: %(default)s)",
    )


def add_checking(parser: argparse.ArgumentParser) -> None:
    """Options that say what counts, and where it is written."""
    group = parser.add_argument_group("findings")
    group.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        default="possible",
        help="severity from which a finding counts (default: %(default)s)",
    )
    group.add_argument("--report", metavar="DIR", help="write a report folder")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Options that every subcommand has."""
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one JSON document")
    group.add_argument("--seed", type=seed, metavar="N", help="seed (printed when it is drawn)")
    group.add_argument(
        "--log-level", choices=LEVELS, default="warning", help="least level that is logged"
    )
    group.add_argument("--log-json", action="store_true", help="log in lines of JSON")
