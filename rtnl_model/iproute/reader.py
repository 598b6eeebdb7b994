"""A cursor over the words of one command, with the errors that a parser needs.

Everything that goes wrong while a command is read becomes a `ScriptError` that carries the place,
what was expected, the nearest known word, and what iproute2 would have printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .lexer import Token
from .script_error import ScriptError, nearest

__all__ = ["INCOMPLETE", "Reader", "Rules"]

INCOMPLETE = 'Command line is not complete. Try option "help"'


@dataclass(frozen=True, slots=True)
class Rules:
    """How strict to be."""

    strict: bool
    """A kind that nobody has a driver for is an error of the script, not of the command."""
    kinds: frozenset[str] = frozenset()
    """Kinds of drivers that the user brought along; their options are `KEY VALUE` pairs."""


class Reader:
    """Reads `words` from the first to the last; `end` is where the command ends."""

    def __init__(self, words: Sequence[Token]) -> None:
        assert words, "a command has at least one word"
        self.words = words
        self.at = 0

    @property
    def more(self) -> bool:
        """Is there another word?"""
        return self.at < len(self.words)

    @property
    def here(self) -> Token:
        """The next word, or the last one when there is none."""
        return self.words[min(self.at, len(self.words) - 1)]

    def peek(self) -> str:
        """The next word's text, empty at the end."""
        return self.words[self.at].text if self.more else ""

    def next(self, expected: str) -> Token:
        """Take a word. Raises: ScriptError when the command ends here."""
        if not self.more:
            raise self.incomplete(expected)
        self.at += 1
        return self.words[self.at - 1]

    def take(self, expected: str) -> str:
        """Take a word's text."""
        return self.next(expected).text

    def incomplete(self, expected: str) -> ScriptError:
        """The command ends where something else must come."""
        last = self.words[-1]
        return ScriptError(
            f"the command ends after {last.text!r}",
            line=last.line,
            column=last.column + len(last.text),
            expected=expected,
            ip_stderr=INCOMPLETE,
        )

    def unknown(
        self, what: str, token: Token, known: Iterable[str], *, stderr: str, status: int = 255
    ) -> ScriptError:
        """`token` is not one of the `known` words."""
        words = sorted(set(known))
        listed = ", ".join(words) if len(words) <= 12 else ", ".join([*words[:12], "…"])
        return ScriptError(
            f"unknown {what} {token.text!r}",
            line=token.line,
            column=token.column,
            expected=listed,
            hint=nearest(token.text, words),
            ip_stderr=stderr,
            ip_status=status,
        )

    def wrong(
        self, what: str, token: Token, expected: str, *, stderr: str = "", status: int = 255
    ) -> ScriptError:
        """`token` is wrong here."""
        return ScriptError(
            f"{what}: {token.text!r}",
            line=token.line,
            column=token.column,
            expected=expected,
            ip_stderr=stderr,
            ip_status=status,
        )

    def finish(self, expected: str = "the end of the command") -> None:
        """Nothing may follow. Raises: ScriptError."""
        if self.more:
            raise self.wrong("unexpected word", self.words[self.at], expected)
