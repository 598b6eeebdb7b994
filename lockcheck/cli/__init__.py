"""The `lockcheck` command.  `main(argv) -> status`; statuses are listed in `--help`.

Left out: configuration files; every option is on the command line.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from lockcheck.cli.arguments import COMMANDS, help_text, parser_of, split_run
from lockcheck.cli.baseline import InputError
from lockcheck.cli.completion import complete
from lockcheck.cli.hash_seed import restart_with_fixed_seed
from lockcheck.cli.parser import Parser, fit
from lockcheck.render.control_characters import legible_line
from lockcheck.render.screen import flush, show, silence

__all__ = ["Parser", "complete", "fit", "main"]

WRONG = 2
DEFECT = 70
INTERRUPTED = 130
SCHEDULED = ("explore", "replay")
"""Commands whose schedules must be the same in every process."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    if argv is None and args and args[0] in SCHEDULED:
        restart_with_fixed_seed()
    try:
        status = _dispatch(args)
        flush()
    except InputError as error:
        return _wrong(str(error))
    except BrokenPipeError:
        silence(sys.stdout)
        return 0
    except OSError as error:  # a full disk, a closed stream
        if error.filename is None:
            silence(sys.stdout)
        where = f"{error.filename}: " if error.filename else "cannot write the results: "
        return _wrong(f"{where}{error.strerror or error}")
    except MemoryError:
        return _wrong("out of memory")
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as leave:  # argparse's --help
        return int(leave.code or 0)
    except Exception as error:
        return _defect(error)
    return status


def _dispatch(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help", "help"):
        show(help_text())
        return 0 if args else WRONG
    if args[0] in ("-V", "--version"):
        from lockcheck import __version__

        show(f"lockcheck {__version__}\n")
        return 0
    if args[0] == "--complete":
        from lockcheck.cli.completion import complete

        show(complete(COMMANDS, parser_of))
        return 0
    command, rest = args[0], args[1:]
    parser = parser_of(command)
    if command == "run":
        mine, program = split_run(rest)
        return _run(parser.parse_args(mine), program)
    options = parser.parse_args(rest)
    if command in ("report", "diff"):
        from lockcheck.cli import recorded

        return recorded.report(options) if command == "report" else recorded.diff(options)
    from lockcheck.cli.explore import explore, replay

    return explore(options) if command == "explore" else replay(options)


def _run(options: Namespace, program: list[str]) -> int:
    """`run` reads its own options up to the program; the rest belongs to the program."""
    from lockcheck.cli.program import find_program
    from lockcheck.cli.run import run

    if not program or program == ["-m"]:
        raise InputError("run: which program?  lockcheck run SCRIPT ARGS… or run -m MODULE ARGS…")
    if program[0] == "-m":
        return run(options, find_program("", program[1], tuple(program[2:])))
    return run(options, find_program(program[0], "", tuple(program[1:])))


def _wrong(text: str) -> int:
    """One line on stderr, status 2."""
    try:
        show(f"lockcheck: {legible_line(text)}\n", sys.stderr)
    except OSError:
        pass
    return WRONG


def _defect(error: Exception) -> int:
    import traceback

    if sys.stderr is not None:
        traceback.print_exc()
    name = type(error).__name__
    show(
        f"lockcheck: a defect of lockcheck itself ({name}); please report it with the lines above "
        "and the command\n",
        sys.stderr,
    )
    return DEFECT
