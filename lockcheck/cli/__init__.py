"""The `lockcheck` command.  `main(argv) -> status`; statuses are told in `--help`.

Left out: configuration files; every option is on the command line.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from lockcheck.cli.verdict import FAIL_ON, InputError

__all__ = ["main"]

EXAMPLES = """\
examples:
  lockcheck run app.py --port 8000          run a program with its locks checked
  lockcheck run --report out -m unittest    the same for a module; out/index.html shows the graph
  lockcheck explore test_bank.py::transfer  try the schedules of a function that starts threads

"""

STATUSES = """\
exit status:
  0 nothing found (run: the program's own status)    1 something was found; diff: they differ
  2 the call or an input is wrong                    3 incomplete   4 a replay diverged
  70 a defect of lockcheck's own                     130 interrupted
"""

COMMANDS = ("run", "explore", "replay", "report", "diff")


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are one line, status 2."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(args)
    except InputError as error:
        print(f"lockcheck: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    except SystemExit as leave:  # argparse's --help and --version
        return int(leave.code or 0)
    except Exception as error:
        import traceback

        traceback.print_exc()
        print(
            f"lockcheck: a defect of lockcheck itself ({type(error).__name__}); please report it "
            "with the lines above and the command",
            file=sys.stderr,
        )
        return 70


def _dispatch(args: list[str]) -> int:
    if args and not args[0].startswith("-") and args[0] not in COMMANDS:
        near = difflib.get_close_matches(args[0], COMMANDS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(COMMANDS)}"
        raise InputError(f"no command {args[0]!r}{hint}")
    if args[:1] == ["run"]:
        return _run(args[1:])
    options = _parser().parse_args(args)
    if options.command is None:
        _parser().print_help()
        return 2
    if options.command == "report":
        from lockcheck.cli.recorded import report

        return report(options)
    if options.command == "diff":
        from lockcheck.cli.recorded import diff

        return diff(options)
    from lockcheck.cli.explore import explore, replay

    return explore(options) if options.command == "explore" else replay(options)


def _run(args: list[str]) -> int:
    """`run` reads its own options up to the program; the rest belongs to the program."""
    from lockcheck.cli.program import find_program
    from lockcheck.cli.run import run

    mine, rest = _split_run(args)
    options = _run_parser().parse_args(mine)
    if not rest or (rest[0] == "-m" and len(rest) == 1):
        raise InputError("run: which program?  lockcheck run SCRIPT ARGS… or run -m MODULE ARGS…")
    if rest[0] == "-m":
        return run(options, find_program("", rest[1], tuple(rest[2:])))
    return run(options, find_program(rest[0], "", tuple(rest[1:])))


def _split_run(args: list[str]) -> tuple[list[str], list[str]]:
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


def _run_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lockcheck run",
        usage="lockcheck run [options] SCRIPT ARGS… | lockcheck run [options] -m MODULE ARGS…",
        description="Run a Python program with threading's and queue's primitives checked.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--report", metavar="DIR", help="write a report folder")
    parser.add_argument(
        "--fail-on", choices=FAIL_ON, default="possible", help="severity from which it counts"
    )
    parser.add_argument("--baseline", metavar="FILE", help="findings that are known")
    parser.add_argument("--write-baseline", metavar="FILE", help="write what was found as known")
    parser.add_argument(
        "--no-watchdog", action="store_true", help="never end a program whose threads all wait"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing when all is clean")
    return parser


def _parser() -> argparse.ArgumentParser:
    from lockcheck import __version__

    parser = _Parser(
        prog="lockcheck",
        description=EXAMPLES
        + "Finds lock-order inversions and other deadlocks before they happen.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lockcheck {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    commands.add_parser("run", help="run a program checked (`lockcheck run --help`)")
    show = commands.add_parser("report", help="render a recorded graph")
    show.add_argument("graph", metavar="GRAPH.json")
    show.add_argument("--format", choices=("text", "tables", "json", "dot", "html"), default="text")
    compare = commands.add_parser("diff", help="what appeared and what went between two graphs")
    compare.add_argument("old", metavar="OLD.json")
    compare.add_argument("new", metavar="NEW.json")
    compare.add_argument("--json", action="store_true")
    _explore_options(commands.add_parser("explore", help="try the schedules of a function"))
    again = commands.add_parser("replay", help="run one schedule again")
    again.add_argument("token", metavar="TOKEN|FILE")
    again.add_argument("--columns", action="store_true", help="step by step, a column a thread")
    again.add_argument("--json", action="store_true")
    return parser


def _explore_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function", metavar="FILE::FUNCTION")
    parser.add_argument(
        "--strategy",
        choices=("portfolio", "random", "pct", "pos", "dfs", "dpor"),
        default="portfolio",
    )
    parser.add_argument("--schedules", type=int, metavar="N")
    parser.add_argument("--seconds", type=float, metavar="S")
    parser.add_argument("--preemptions", type=int, metavar="K", help="bound, for dfs only")
    parser.add_argument("--seed", metavar="N", type=lambda text: int(text, 0))
    parser.add_argument("--shard", metavar="I/N", help="this process's part of the search")
    parser.add_argument("--hang-after", type=float, metavar="S", help="silence that means hung")
    parser.add_argument("--fail-on", choices=FAIL_ON, default="possible")
    parser.add_argument("--json", action="store_true")
