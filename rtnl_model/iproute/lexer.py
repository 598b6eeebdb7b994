"""Words of a script: a shell's line restricted to what iproute2 users type.

Splits text into words and the separators newline `;` `&` `(` `)`, each with line and column.
Understood: quotes around a word, comments, a backslash at the end of a line, the prompts `# ` and
`$ ` in front of a command, `2>/dev/null` and `|| true` (a command that may fail).  Left out, and
refused with its place: variables, globs, pipes, other redirections, loops, `&&`.

A line that begins with `# ` is a command behind a prompt exactly if what follows reads like one
(`is_command`), else it is a comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .script_error import ScriptError

__all__ = ["MAY_FAIL", "SEPARATORS", "Token", "tokenize"]

SEPARATORS = frozenset({"\n", ";", "&", "(", ")"})
MAY_FAIL = "|| true"
TEXT_CHARS_MAX = 1 << 20
"""A script is something a person wrote; more is a wrong file."""

_PROMPT = re.compile(r"[ \t]*([#$])[ \t]+(?=\S)")
_IP_OBJECT = re.compile(
    r"ip\s+(?:-\S+\s+(?:\S+\s+)?)*(?:l|li|lin|link|net|netn|netns|a|ad|add|addr|address)(?:\s|;|$)"
)
_MAY_FAIL = re.compile(r"\|\|[ \t]*(?:true|:)(?=[\s;&)]|$)")
_DEV_NULL = re.compile(r"(?:[12&]?>>?[ \t]*/dev/null|2>&1)(?=[\s;&)|]|$)")
_REFUSED = {
    "|": "a pipe",
    "<": "a redirection",
    ">": "a redirection",
    "`": "a command substitution",
    "$": "a variable",
    "*": "a pattern",
    "{": "a group",
    "}": "a group",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A word or separator; `quoted` words are never separators or keywords of the language."""

    text: str
    line: int
    column: int
    quoted: bool = False

    @property
    def is_separator(self) -> bool:
        """True for newline, `;`, `&` and parentheses."""
        return not self.quoted and self.text in SEPARATORS


def is_command(text: str) -> bool:
    """Does the text behind a `# ` read like a command, so that the `#` is a prompt?"""
    words = text.split()
    first = words[0].lstrip("(") if words else ""
    if first == "ip":
        return bool(_IP_OBJECT.match(text.lstrip("( ")))
    if first == "wait":
        return len(words) == 1
    if first in ("modprobe", "rmmod"):
        return len(words) == 2 and bool(re.fullmatch(r"[\w-]+", words[1]))
    if first == "sleep":
        return len(words) == 2 and bool(re.fullmatch(r"[\d.]+", words[1]))
    if first == "lease":
        return len(words) > 2 and words[2] == "queue"
    return first == "sysctl" and len(words) > 1 and "." in words[-1]


def tokenize(text: str) -> list[Token]:
    """Split a whole script. Raises: ScriptError with line and column."""
    if len(text) > TEXT_CHARS_MAX:
        raise ScriptError(f"too long: {len(text)} characters", expected=f"at most {TEXT_CHARS_MAX}")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ScriptError("not a text file: a NUL byte", line=line, column=1, expected="a script")
    tokens: list[Token] = []
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        first = number + 1
        text_line = lines[number].rstrip("\r")
        starts = [(0, first)]
        while text_line.endswith("\\") and number + 1 < len(lines):
            number += 1
            text_line = text_line[:-1] + " "
            starts.append((len(text_line), number + 1))
            text_line += lines[number].rstrip("\r")
        tokens += _Line(text_line, starts).tokens()
        tokens.append(Token("\n", first, len(text_line) + 1))
        number += 1
    return tokens


class _Line:
    """One logical line; `starts` maps offsets to source lines (continued lines are joined)."""

    def __init__(self, line: str, starts: list[tuple[int, int]]) -> None:
        self.line = line
        self.starts = starts
        self.at = 0

    def place(self, offset: int) -> tuple[int, int]:
        begin, number = max(s for s in self.starts if s[0] <= offset)
        return number, offset - begin + 1

    def error(self, what: str, offset: int, expected: str = "") -> ScriptError:
        line, column = self.place(offset)
        return ScriptError(what, line=line, column=column, expected=expected)

    def tokens(self) -> list[Token]:
        out: list[Token] = []
        prompt = _PROMPT.match(self.line)
        if prompt and (prompt[1] == "$" or is_command(self.line[prompt.end() :])):
            self.at = prompt.end()
        while self.at < len(self.line):
            char = self.line[self.at]
            if char in " \t\r\v\f":
                self.at += 1
            elif char == "#":
                break
            elif char in ";()":
                out.append(self.separator(char))
            elif found := _DEV_NULL.match(self.line, self.at):
                self.at = found.end()
            elif found := _MAY_FAIL.match(self.line, self.at):
                out.append(Token(MAY_FAIL, *self.place(self.at)))
                self.at = found.end()
            elif char == "&":
                if self.line.startswith("&&", self.at):
                    raise self.error(
                        "'&&' is not understood",
                        self.at,
                        "';' (a script stops at the first failed command anyway)",
                    )
                out.append(self.separator(char))
            else:
                out.append(self.word())
        return out

    def separator(self, char: str) -> Token:
        token = Token(char, *self.place(self.at))
        self.at += 1
        return token

    def word(self) -> Token:
        start, parts, quoted = self.at, [], False
        while self.at < len(self.line):
            char = self.line[self.at]
            if char in " \t\r\v\f;&()":
                break
            if char in "\"'":
                end = self.line.find(char, self.at + 1)
                if end < 0:
                    raise self.error(f"unbalanced quote {char}", self.at, f"a closing {char}")
                parts.append(self.line[self.at + 1 : end])
                self.at = end + 1
                quoted = True
                continue
            if char in _REFUSED:
                raise self.error(
                    f"{_REFUSED[char]} ({char!r}) is not understood",
                    self.at,
                    "plain words; see the README for the script language",
                )
            if not char.isprintable():
                raise self.error(f"not a text file: character {ord(char):#x}", self.at, "a script")
            parts.append(char)
            self.at += 1
        return Token("".join(parts), *self.place(start), quoted)
