"""From words to steps: the structure of a script, and the commands that are not `ip`.

`a & b & wait` becomes a `Par`; what stands in the foreground behind a background command runs
beside it, as in a shell.  `( a; b )` is one thread's commands.  At the end of the script everything
is waited for.  A scenario's command goes through `parse_command` too, with `strict=False`: what
`ip` would refuse is then a command that fails (`Refused`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from .commands import Command, Par, Refused, Script, Seq, Step
from .lexer import MAY_FAIL, Token, tokenize
from .parse_words import read_command
from .reader import Rules
from .script_error import ScriptError

__all__ = ["COMMANDS_MAX", "parse_command", "parse_script"]

COMMANDS_MAX = 20_000
NESTING_MAX = 20


def parse_script(
    text: str, name: str = "", *, strict: bool = True, kinds: Collection[str] = ()
) -> Script:
    """Read a script; `kinds` are those of drivers of the user's own. Raises: ScriptError.

    Not `strict`: what `ip` would refuse is a command that fails, as in a scenario.
    """
    try:
        items = _Structure(tokenize(text), Rules(strict, frozenset(kinds))).items(closing=False)
        steps = _steps(items)
        if not steps:
            raise ScriptError("no commands", expected="ip, modprobe, rmmod, sysctl, lease or sleep")
        script = Script(tuple(steps), name=name)
        if len(script.commands()) > COMMANDS_MAX:
            raise ScriptError(
                f"{len(script.commands())} commands", expected=f"{COMMANDS_MAX} at most"
            )
    except ScriptError as error:
        raise error.at(name) from None
    return script


def parse_command(text: str) -> Step:
    """Read one command of a scenario; words are split on blanks, nothing is quoted."""
    words = [Token(w, 1, 1) for w in text.split()]
    if not words:
        raise ScriptError("an empty command")
    return _command(words, Rules(strict=False))


class _Item:
    """A step and whether it was sent to the background; `step` None is `wait`."""

    __slots__ = ("background", "step")

    def __init__(self, step: Step | None, *, background: bool = False) -> None:
        self.step = step
        self.background = background


class _Structure:
    """Splits tokens at the separators."""

    def __init__(self, tokens: Sequence[Token], rules: Rules) -> None:
        self.tokens = tokens
        self.at = 0
        self.rules = rules
        self.depth = 0

    def items(self, *, closing: bool) -> list[_Item]:
        opened = self.tokens[self.at - 1] if closing else None
        out: list[_Item] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.is_separator and token.text in "\n;":
                self.at += 1
                continue
            if token.is_separator and token.text == ")":
                if not closing:
                    raise _unexpected(token)
                self.at += 1
                return out
            out.append(self.item())
        if opened is not None:
            raise ScriptError(
                "unbalanced parenthesis '('",
                line=opened.line,
                column=opened.column,
                expected="a closing ')'",
            )
        return out

    def item(self) -> _Item:
        token = self.tokens[self.at]
        step: Step | None
        if token.is_separator and token.text == "(":
            step = self.group(token)
        elif token.is_separator:
            raise _unexpected(token)
        else:
            start = self.at
            while self.at < len(self.tokens) and not self.tokens[self.at].is_separator:
                self.at += 1
            words = self.tokens[start : self.at]
            if words[0].text == "wait":
                if len(words) > 1:
                    raise _unexpected(words[1])
                step = None
            else:
                step = _command(words, self.rules)
        return _Item(step, background=self.background())

    def background(self) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at].is_separator:
            text = self.tokens[self.at].text
            if text in "\n;&":
                self.at += 1
            elif text == "(":
                raise _unexpected(self.tokens[self.at])
            return text == "&"
        if self.at < len(self.tokens):
            raise _unexpected(self.tokens[self.at])
        return False

    def group(self, token: Token) -> Step:
        self.depth += 1
        if self.depth > NESTING_MAX:
            raise ScriptError(
                "parentheses too deep",
                line=token.line,
                column=token.column,
                expected=f"{NESTING_MAX} levels at most",
            )
        self.at += 1
        steps = _steps(self.items(closing=True))
        self.depth -= 1
        if not steps:
            raise ScriptError(
                "empty parentheses", line=token.line, column=token.column, expected="a command"
            )
        return steps[0] if len(steps) == 1 else Seq(tuple(steps))


def _unexpected(token: Token) -> ScriptError:
    return ScriptError(
        f"unexpected {token.text!r}", line=token.line, column=token.column, expected="a command"
    )


def _steps(items: Sequence[_Item]) -> list[Step]:
    """Fold background items into `Par`s; `wait` ends what is open."""
    out: list[Step] = []
    section: list[_Item] = []
    for item in items:
        if item.step is None:
            out += _section(section)
            section = []
        else:
            section.append(item)
    return out + _section(section)


def _section(items: Sequence[_Item]) -> list[Step]:
    first = next((i for i, item in enumerate(items) if item.background), None)
    out: list[Step] = [i.step for i in items[:first] if i.step is not None]
    if first is None:
        return out
    threads: list[Step] = []
    at = first
    while at < len(items) and items[at].background:
        step = items[at].step
        assert step is not None
        threads.append(step)
        at += 1
    rest = _section(items[at:])
    if rest:
        threads.append(rest[0] if len(rest) == 1 else Seq(tuple(rest)))
    out.append(Par(tuple(threads)) if len(threads) > 1 else threads[0])
    return out


def _command(words: Sequence[Token], rules: Rules) -> Command:
    may_fail = words[-1].text == MAY_FAIL and not words[-1].quoted
    if may_fail:
        words = words[:-1]
    if not words:
        raise ScriptError("no command in front of '||'", expected="a command")
    place = Command(
        text=" ".join(w.text for w in words), line=words[0].line, column=words[0].column
    )
    try:
        return _may_fail(read_command(words, place, rules), may_fail)
    except ScriptError as error:
        if rules.strict:
            raise
        return Refused(text=place.text, stderr=error.ip_stderr, status=error.ip_status)


def _may_fail(command: Command, may_fail: bool) -> Command:
    return replace(command, may_fail=True) if may_fail else command
