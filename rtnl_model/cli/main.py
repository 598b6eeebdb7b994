"""`main`: finds the subcommand, runs it, and turns whatever happens into a status and one line."""

from __future__ import annotations

import errno
import importlib
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType

from lockcheck.cli import complete, fit
from lockcheck.render import flush, legible_line, show, silence
from lockcheck.sync import deferred_interrupts, termination_as_interrupt

from .. import __version__
from ..iproute.script_error import ScriptError, nearest
from ..lab.interrupts import ignore_interrupts
from ..lab.own_drivers import blamed, quiet_threads
from ..lab.wrong_setting import WrongSetting
from .log_setup import configure
from .parser import Parser, add_output
from .status import CallError, Status

__all__ = ["COMMANDS", "main"]

COMMANDS = (
    "demo",
    "run",
    "stress",
    "explore",
    "fuzz",
    "audit",
    "merge",
    "replay",
    "bugs",
    "conform",
    "report",
)

DESCRIPTION = """\
A threaded model of Linux's per-namespace RTNL and of network device unregistration.

  rtnl-model demo                      the series' example, and what goes wrong without it
  rtnl-model run my.ip --rtnl pernet   run a script of `ip` commands

commands:
"""
WORDS = """\
words:
  @T2     one of the model's own scripts, wherever a SCRIPT is expected; `explore @` lists them
  G.5     a candidate defect of Linux 7.3; `bugs G.5` shows its story and its fix
"""
STATUSES = """\
exit status:
  0 nothing found   1 something was found
  2 the call or the input is wrong
  3 incomplete   4 a replay diverged
  70 a defect of rtnl-model's own   130 interrupted
"""
HELP = {
    "demo": "the cover letter's example in small, then in naive, then a short stress",
    "run": "run a script of ip commands",
    "stress": "random legal operations from many threads, with every invariant checked",
    "explore": "run a script's concurrent part under the controlled scheduler",
    "fuzz": "hunt with random scripts for hours, and cut down what is found",
    "audit": "list what RTNL alone protects",
    "merge": "join the results of an exploration's shards",
    "replay": "run exactly one schedule again",
    "bugs": "list or check the catalogue of bugs",
    "conform": "compare with what a real kernel recorded",
    "report": "write the report folder of an earlier run again",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status; never raises but for a broken interpreter."""
    words = list(sys.argv[1:] if argv is None else argv)
    with deferred_interrupts(), termination_as_interrupt():
        return _told(words)


def _told(words: list[str]) -> int:
    """Run it, or say in one line why it could not be."""
    try:
        return _checked(words)
    except KeyboardInterrupt:
        ignore_interrupts()
        _tell("interrupted")
        return Status.INTERRUPTED
    except (CallError, ScriptError, WrongSetting) as error:
        _tell(str(error))
        return Status.WRONG
    except BrokenPipeError:
        silence(sys.stdout)
        return Status.CLEAN
    except OSError as error:
        return _system_refused(error)
    except RuntimeError as error:
        if "can't start new thread" in str(error):
            _tell("the system refuses another thread; use fewer namespaces or threads")
            return Status.WRONG
        return _defect()
    except MemoryError:
        _tell("out of memory")
        return Status.WRONG
    except Exception:
        return _defect()


def _checked(words: list[str]) -> int:
    if sys.stdout is None:
        raise CallError("rtnl-model: stdout is closed, and results go there")
    if not words or words[0] in ("-h", "--help", "help"):
        return _printed(help_text(), Status.CLEAN if words else Status.WRONG)
    if words[0] in ("-V", "--version"):
        return _printed(f"rtnl-model {__version__}\n")
    if words[0] == "--complete":
        return _printed(complete(COMMANDS, parser_of, values_of))
    name = words[0]
    if name not in COMMANDS:
        what = "option" if name.startswith("-") else "command"
        raise CallError(
            f"rtnl-model: unknown {what} {name!r}{nearest(name, COMMANDS)}; "
            f"commands: {', '.join(COMMANDS)}"
        )
    try:
        args = parser_of(name).parse_args(words[1:])
    except SystemExit:
        flush()
        return Status.CLEAN  # --help was printed
    configure(args.log_level, as_json=args.log_json)
    files = getattr(args, "driver", ())  # not every command has the option
    try:
        with quiet_threads(files):
            status: int = command_module(name).run(args)
    except Exception as error:
        blame = blamed(error, files)
        if not blame:
            raise
        raise CallError(f"{name}: --driver {blame}") from error
    flush()
    return int(status)


def _printed(text: str, status: int = Status.CLEAN) -> int:
    show(text)
    flush()
    return status


def command_module(name: str) -> ModuleType:
    """Import the file of a subcommand when it is wanted."""
    return importlib.import_module(f".cmd_{name}", __package__)


def parser_of(name: str) -> Parser:
    """The parser of a subcommand."""
    module = command_module(name)
    parser = Parser(f"rtnl-model {name}", description=module.__doc__, epilog=STATUSES)
    module.configure(parser)
    add_output(parser)
    return parser


def values_of(command: str, option: str) -> list[str]:
    """Words for shell completion that are no choices of an option."""
    from ..lab import catalogue
    from ..lab.topologies import topology_names

    if option in ("--bug", "--only", "--fix") or (command == "bugs" and not option):
        return [entry.id for entry in catalogue.entries()]
    return [f"@{name}" for name in topology_names()] if not option else []


def help_text() -> str:
    """The text of --help."""
    width = max(map(len, COMMANDS))
    lines = "".join(f"  {name:{width}}  {HELP[name]}\n" for name in COMMANDS)
    return fit(
        f"usage: rtnl-model COMMAND …\n\n{DESCRIPTION}{lines}\n"
        f"rtnl-model COMMAND --help describes a command's options.\n\n{WORDS}\n{STATUSES}\n"
        "shell completion: complete -o default -C 'rtnl-model --complete' rtnl-model\n"
    )


def _system_refused(error: OSError) -> int:
    """The system would not let us write, read or start something: one line, status 2."""
    if error.errno == errno.EBADF:
        silence(sys.stdout)
        _tell("stdout is closed; the results could not be written")
        return Status.WRONG
    if error.errno == errno.ENOSPC and not error.filename:
        silence(sys.stdout)
    where = f"{error.filename}: " if error.filename else ""
    _tell(f"{where}{error.strerror or error}")
    return Status.WRONG


def _defect() -> int:
    _tell(
        "a defect of rtnl-model, not of your input. Please report it with the command, the "
        "input and this:"
    )
    if sys.stderr is not None:
        traceback.print_exc()
    return Status.DEFECT


def _tell(text: str) -> None:
    prefix = "" if text.startswith("rtnl-model") else "rtnl-model: "
    try:
        show(f"{prefix}{legible_line(text)}\n", sys.stderr)
        flush(sys.stderr)
    except OSError:
        pass
