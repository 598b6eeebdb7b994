"""The arguments of every `lockcheck` command, each with two examples in its help."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final, NoReturn

from lockcheck.cli.baseline import FAIL_ON, InputError
from lockcheck.cli.parser import Parser, fit, nearest
from lockcheck.conduct.stuck import EARLY_TIMERS

__all__ = ["COMMANDS", "CommandParser", "help_text", "parser_of", "split_run"]

STATUSES: Final = """\
exit status:
  0 nothing found (run: the program's own status)
  1 something was found; diff: they differ
  2 the call or an input is wrong
  3 incomplete   4 a replay diverged
  70 a defect of lockcheck's own   130 interrupted
"""

STRATEGIES: Final = ("portfolio", "random", "pct", "pos", "dfs", "dpor")
HELP: Final = {
    "run": "run a program with its locks checked",
    "explore": "try the schedules of a function that starts threads",
    "replay": "run exactly one schedule again",
    "report": "render a recorded graph",
    "diff": "what appeared and what went between two graphs",
}
COMMANDS: Final = tuple(HELP)

DESCRIPTION: Final = """\
Finds lock-order inversions and other deadlocks of Python programs before they happen.

  lockcheck run app.py --port 8000           a program, its locks checked
  lockcheck run --report out -m unittest     a module; out/index.html shows the graph
  lockcheck explore test_bank.py::transfer   every schedule of a function that matters

commands:
"""


class CommandParser(Parser):
    """Mistakes are an InputError."""

    def refuse(self, text: str) -> NoReturn:
        raise InputError(text.removeprefix("lockcheck: "))


def help_text() -> str:
    """What `lockcheck --help` prints."""
    lines = "".join(f"  {name:8} {text}\n" for name, text in HELP.items())
    more = "\nlockcheck COMMAND --help describes a command's options.\n\n"
    completion = "\nshell completion: complete -o default -C 'lockcheck --complete' lockcheck\n"
    return fit(f"usage: lockcheck COMMAND …\n\n{DESCRIPTION}{lines}{more}{STATUSES}{completion}")


def parser_of(command: str) -> Parser:
    """The parser of one command.  Raises: InputError for an unknown one."""
    make = _PARSERS.get(command)
    if make is None:
        there = nearest(command, COMMANDS) or f"; the commands are {', '.join(COMMANDS)}"
        raise InputError(f"no command {command!r}{there}")
    return make()


def _command(name: str, description: str, usage: str | None = None) -> Parser:
    return CommandParser(f"lockcheck {name}", description=description, epilog=STATUSES, usage=usage)


def split_run(args: list[str]) -> tuple[list[str], list[str]]:
    """Cut before the program: the first word that is no option of ours nor an option's value."""
    valued = {"--report", "--fail-on", "--baseline", "--write-baseline"}
    at = 0
    while at < len(args):
        word = args[at]
        if word == "--":
            return args[:at], args[at + 1 :]
        if word == "-m" or not word.startswith("-") or word == "-":
            break
        at += 2 if word in valued else 1
    return args[:at], args[at:]


def _run() -> Parser:
    parser = _command(
        "run",
        """\
        Run a Python program with threading's and queue's primitives checked.

          lockcheck run app.py --port 8000
          lockcheck run --report out --fail-on certain -m unittest discover

        The program keeps its own stdout; reports go to stderr.
        """,
        "lockcheck run [options] SCRIPT|-m MODULE ARGS…",
    )
    parser.add_argument("--report", metavar="DIR", help="write a report folder")
    _fail_on(parser)
    parser.add_argument("--baseline", metavar="FILE", help="known findings, which do not count")
    parser.add_argument(
        "--write-baseline", metavar="FILE", help="write what was found to a baseline"
    )
    parser.add_argument(
        "--no-watchdog", action="store_true", help="never end a program whose threads all wait"
    )
    parser.add_argument(
        "--races", metavar="PACKAGE,…", nargs="?", const="",
        help="report unordered accesses to ordinary data too, of the program's folder and these",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="print nothing when nothing was found")
    return parser


def _explore() -> Parser:
    parser = _command(
        "explore",
        """\
        Run a function that starts threads under a controlled scheduler, once for each schedule.

          lockcheck explore test_bank.py::transfer
          lockcheck explore bank.py::main --strategy dpor --seconds 60 --report out
        """,
    )
    parser.add_argument("function", metavar="FILE::FUNCTION")
    parser.add_argument(
        "--strategy", choices=STRATEGIES, default="portfolio",
        help="how to pick the thread that runs next (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--schedules", type=int, metavar="N", help="how many schedules to try")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long to search")
    parser.add_argument(
        "--preemptions", type=int, metavar="K", help="bound on preemptions, dfs only"
    )
    parser.add_argument("--seed", metavar="N", type=_seed, help="decimal or 0x…; always printed")
    parser.add_argument(
        "--no-data", action="store_true", help="do not make ordinary data scheduling points"
    )
    parser.add_argument(
        "--data", metavar="PACKAGE,…", default="", help="watch the data of these packages as well"
    )
    parser.add_argument(
        "--format", choices=("text", "json", "sarif"), help="how to print the result"
    )
    parser.add_argument(
        "--early-timers", type=int, metavar="K", default=EARLY_TIMERS,
        help="timers that may fire early in one schedule (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes (default: the cores, or LOCKCHECK_JOBS)"
    )
    parser.add_argument(
        "--check-determinism", action="store_true",
        help="repeat every tenth schedule and compare every operation",
    )  # fmt: skip
    parser.add_argument("--shard", metavar="I/N", help="search only this part")
    parser.add_argument(
        "--hang-after",
        type=float,
        metavar="S",
        help="seconds without a step after which a thread counts as hung",
    )
    parser.add_argument("--report", metavar="DIR", help="write a report folder")
    _fail_on(parser)
    _json(parser)
    return parser


def _replay() -> Parser:
    parser = _command(
        "replay",
        """\
        Run exactly one schedule again.

          lockcheck replay 'v1/0x12.1/…/9c1f20aa'
          lockcheck replay schedule-1f2e3d4c.json --columns
        """,
    )
    parser.add_argument("token", metavar="TOKEN|FILE")
    parser.add_argument(
        "function", nargs="?", metavar="FILE",
        help="the file of the function that the token names, given again",
    )  # fmt: skip
    parser.add_argument("--trust", action="store_true", help="run the file that the token names")
    parser.add_argument("--columns", action="store_true", help="step by step, a column a thread")
    _json(parser)
    return parser


def _report() -> Parser:
    parser = _command(
        "report",
        """\
        Render a recorded graph (`graph.json` of a report folder, or `Checker.graph.save`).

          lockcheck report out/graph.json
          lockcheck report out/graph.json --format html > graph.html
        """,
    )
    parser.add_argument("graph", metavar="GRAPH.json")
    parser.add_argument(
        "--format", choices=("text", "tables", "json", "dot", "html", "sarif"), default="text",
        help="default: %(default)s",
    )  # fmt: skip
    return parser


def _diff() -> Parser:
    parser = _command(
        "diff",
        """\
        Show which classes, dependencies and reports appeared (+) and went (-).

          lockcheck diff before/graph.json after/graph.json
          lockcheck diff --json before/graph.json after/graph.json
        """,
    )
    parser.add_argument("old", metavar="OLD.json")
    parser.add_argument("new", metavar="NEW.json")
    _json(parser)
    return parser


def _fail_on(parser: Parser) -> None:
    parser.add_argument(
        "--fail-on", choices=FAIL_ON, default="possible",
        help="severity from which a finding counts (default: %(default)s)",
    )  # fmt: skip


def _json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _seed(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed (decimal or 0x…)") from None


_PARSERS: Final[dict[str, Callable[[], Parser]]] = {
    "run": _run, "explore": _explore, "replay": _replay, "report": _report, "diff": _diff,
}  # fmt: skip
