"""Shell completion: one documented line, no script to install.

    complete -o default -C 'lockcheck --complete' lockcheck

Bash (and zsh after `autoload bashcompinit; bashcompinit`) then runs the program itself with the
line in COMP_LINE; what it prints are the words that fit.  Files are the shell's own business
(`-o default`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from lockcheck.cli.parser import Parser

__all__ = ["complete"]


def complete(
    commands: Sequence[str],
    parser_of: Callable[[str], Parser],
    values: Callable[[str, str], Iterable[str]] = lambda _command, _option: (),
) -> str:
    """The words that can stand where the cursor is, a line each.

    `values(command, option)`: more values of an option ('' for arguments without one).
    """
    line = os.environ.get("COMP_LINE", "")
    try:
        line = line[: int(os.environ.get("COMP_POINT", len(line)))]
    except ValueError:
        pass
    words = line.split()[1:]
    current = "" if line.endswith(" ") or not words else words.pop()
    if not words:
        return _fitting([*commands, "--help", "--version"], current)
    command = words[0]
    if command not in commands:
        return ""
    parser = parser_of(command)
    option = words[-1] if len(words) > 1 and words[-1].startswith("--") else ""
    wanted = [*parser.values_of(option), *values(command, option)]
    if not option or not wanted:
        wanted += parser.options() if current.startswith("-") or not wanted else []
    return _fitting(wanted, current)


def _fitting(words: Iterable[str], start: str) -> str:
    return "".join(f"{word}\n" for word in dict.fromkeys(words) if word.startswith(start))
