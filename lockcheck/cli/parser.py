"""Arguments for people: one-line mistakes, the nearest known word, help that fits the terminal.

Descriptions are prose paragraphs, which are filled to the terminal's width, and indented examples,
which are not: where an example is too wide, its comment goes to the next line.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import textwrap
from collections.abc import Iterable
from typing import NoReturn

from lockcheck.render.screen import show

__all__ = ["HelpFormatter", "Parser", "fit", "nearest"]

WIDTH_MAX = 100


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean 'run'?`, or nothing."""
    near = difflib.get_close_matches(word, list(words), 1, 0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def fit(page: str) -> str:
    """The page with every line that is wider than the terminal continued below its text."""
    width = max(30, min(shutil.get_terminal_size().columns, WIDTH_MAX))
    rows: list[str] = []
    for line in page.splitlines():
        column = re.match(r" *\S.*?  +(?=\S)|", line)
        inner = column.end() if column else 0
        inner = inner if inner <= width // 2 else 6
        rows += textwrap.wrap(line, width, subsequent_indent=" " * inner, break_long_words=False,
                              break_on_hyphens=False) or [""]  # fmt: skip
    return "\n".join(rows) + "\n"


class HelpFormatter(argparse.HelpFormatter):
    """Fills prose, keeps examples, and says no default where there is none."""

    def __init__(self, prog: str, **more: object) -> None:
        width = max(30, min(shutil.get_terminal_size().columns, WIDTH_MAX) - 2)
        super().__init__(prog, max_help_position=min(26, width // 3), width=width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        blocks = re.split(r"\n(?:[ \t]*\n)+", textwrap.dedent(text).strip("\n"))
        return "\n\n".join(self._block(block, width, indent) for block in blocks)

    def _block(self, block: str, width: int, indent: str) -> str:
        lines = block.splitlines()
        done: list[str] = []
        prose: list[str] = []
        for line in [*lines, ""]:
            if line.startswith((" ", "rtnl-model ", "lockcheck ")) or not line:
                if prose:
                    done.append(textwrap.fill(" ".join(prose), width, initial_indent=indent,
                                              subsequent_indent=indent))  # fmt: skip
                    prose = []
                done += self._example(line, width) if line else []
            else:
                prose.append(line)
        return "\n".join(done)

    @staticmethod
    def _example(line: str, width: int) -> list[str]:
        """A line of an example; too wide, its comment goes below."""
        if len(line) <= width:
            return [line]
        found = re.match(r"( *)(\S.*?)(?: {2,}(\S.*))?$", line)
        if found is None:
            return [line]
        indent, call, comment = found.groups()
        rows = textwrap.wrap(call, width, initial_indent=indent, subsequent_indent=indent + "    ",
                             break_on_hyphens=False, break_long_words=False)  # fmt: skip
        rows = [f"{row} \\" for row in rows[:-1]] + rows[-1:]
        if comment:
            inner = indent + "      "
            rows += textwrap.wrap(comment, width, initial_indent=inner, subsequent_indent=inner)
        return rows

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        if text is not None and action.default is None:
            return re.sub(r"\s*\(default: %\(default\)[a-z]\)", "", text)
        return text


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are one line (`refuse` raises it)."""

    def __init__(self, prog: str, *, description: str | None = None, epilog: str | None = None,
                 usage: str | None = None) -> None:  # fmt: skip
        super().__init__(
            prog, usage=usage, description=description, epilog=epilog, allow_abbrev=False,
            formatter_class=HelpFormatter,
        )  # fmt: skip
        self.suggest_on_error = False  # `guess` does it, for options too and on every version

    def refuse(self, text: str) -> NoReturn:
        """Raise the caller's error for a wrong call."""
        raise NotImplementedError

    def error(self, message: str) -> NoReturn:
        """One line instead of a usage text."""
        clear = re.sub(r"^unrecognized arguments: ", "unknown option or word ", message)
        self.refuse(f"{self.prog}: {clear}{self.guess(message)} (see --help)")

    def guess(self, message: str) -> str:
        """The nearest option or choice to the word that was not understood."""
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown:
            return nearest(unknown[1].partition("=")[0], self.options())
        choice = re.search(r"invalid choice: '?([^'(]*?)'? \(choose from (.*)\)", message)
        if choice:
            return nearest(choice[1], [w.strip(" '") for w in choice[2].split(",")])
        return ""

    def options(self) -> list[str]:
        """Every option string of this parser."""
        return [s for action in self._actions for s in action.option_strings]

    def values_of(self, option: str) -> list[str]:
        """The choices of an option; of '' those of the arguments without one."""
        found: list[str] = []
        for action in self._actions:
            if option in action.option_strings or (not option and not action.option_strings):
                found += [str(choice) for choice in action.choices or ()]
        return found

    def format_help(self) -> str:
        """The help, with a usage line that names the arguments and leaves options to the list."""
        if self.usage is None:
            named = (action for action in self._actions if not action.option_strings)
            words = " ".join(str(action.metavar or action.dest) for action in named)
            self.usage = f"{self.prog} [options] {words}".strip().replace("%", "%%")
        return super().format_help()

    def print_help(self, file: object = None) -> None:
        """To stdout, where results go."""
        show(self.format_help())
