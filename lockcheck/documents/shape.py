"""The shape of a JSON value: a small schema language and the one function that checks against it.

    ROW({"name": TEXT, "count": NUMBER}, {"tags": List(TEXT)})

is an object with a text `name`, a finite number `count` and perhaps a list of texts `tags`; keys
that the shape does not name are allowed and not looked at, because documents may grow.  `check`
raises `MalformedError`, whose text says where the value stands and what was expected there.

Left out, because no document of ours needs it: alternatives, references, recursion.  A shape is a
finite tree, so a check never recurses deeper than the shape itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = [
    "ANY",
    "FLAG",
    "NATURAL",
    "NUMBER",
    "TEXT",
    "WHOLE",
    "Choice",
    "List",
    "MalformedError",
    "Map",
    "Maybe",
    "Number",
    "Object",
    "Pattern",
    "Row",
    "Shape",
    "Text",
    "check",
]

WHOLE_MAX = 10**40
"""Seeds and checksums are larger than machine words, but not by much."""
FLOAT_MAX = 1e15
"""Microseconds in thirty years; products of such numbers are finite."""


class MalformedError(ValueError):
    """A value has another shape than was expected; the text is one line."""

    def __init__(self, where: str, expected: str, found: object) -> None:
        self.where = where
        self.expected = expected
        self.found = found
        super().__init__(f"{where or 'the document'}: expected {expected}, found {in_words(found)}")


def in_words(value: object) -> str:
    """A JSON value in a few words."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"


class Shape(Protocol):
    """Something that a value can be checked against."""

    def check(self, value: object, where: str) -> None:
        """Raises: MalformedError."""
        ...


@dataclass(frozen=True)
class Text:
    """A string of at most `most` characters."""

    most: int = 1 << 22

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, str):
            raise MalformedError(where, "a text", value)
        if len(value) > self.most:
            raise MalformedError(where, f"a text of at most {self.most} characters", value)


@dataclass(frozen=True)
class Pattern:
    """A string that matches as a whole."""

    pattern: str
    expected: str

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise MalformedError(where, self.expected, value)


@dataclass(frozen=True)
class Choice:
    """One of a few texts."""

    values: tuple[str, ...]

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, str) or value not in self.values:
            raise MalformedError(where, f"one of {', '.join(self.values)}", value)


@dataclass(frozen=True)
class Number:
    """A finite number; no boolean."""

    whole: bool = False
    least: float | None = None
    most: float | None = None

    def check(self, value: object, where: str) -> None:
        expected = "a whole number" if self.whole else "a number"
        if self.least is not None:
            expected += f" from {self.least:g}"
        if self.most is not None:
            expected += f" to {self.most:g}"
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            raise MalformedError(where, expected, value)
        low = self.least is not None and value < self.least
        high = self.most is not None and value > self.most
        if not _within(value) or low or high:
            raise MalformedError(where, expected, value)


def _within(value: int | float) -> bool:
    if isinstance(value, int):
        return -WHOLE_MAX <= value <= WHOLE_MAX
    return math.isfinite(value) and abs(value) <= FLOAT_MAX


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, bool):
            raise MalformedError(where, "true or false", value)


@dataclass(frozen=True)
class Maybe:
    """The shape, or null."""

    of: Shape

    def check(self, value: object, where: str) -> None:
        if value is not None:
            self.of.check(value, where)


@dataclass(frozen=True)
class Either:
    """A list of one shape, or what stands for it."""

    listed: List
    other: Shape
    expected: str

    def check(self, value: object, where: str) -> None:
        if isinstance(value, list):
            self.listed.check(value, where)
            return
        try:
            self.other.check(value, where)
        except MalformedError as error:
            raise MalformedError(where, self.expected, value) from error


@dataclass(frozen=True)
class List:
    """A list of one shape."""

    of: Shape
    most: int = 2_000_000

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, list):
            raise MalformedError(where, "a list", value)
        if len(value) > self.most:
            raise MalformedError(where, f"a list of at most {self.most}", value)
        for number, each in enumerate(value):
            self.of.check(each, f"{where}[{number}]")


@dataclass(frozen=True)
class Map:
    """An object whose keys are data: class names, fingerprints."""

    of: Shape

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise MalformedError(where, "an object", value)
        for key, each in value.items():
            self.of.check(each, f"{where}[{key!r:.40}]")


@dataclass(frozen=True)
class Row:
    """An object with named fields: those it must have, and those it may have."""

    needs: Mapping[str, Shape]
    may: Mapping[str, Shape] = field(default_factory=dict)

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise MalformedError(where, "an object", value)
        for key, shape in self.needs.items():
            if key not in value:
                raise MalformedError(where, f"a field {key!r}", value)
            shape.check(value[key], f"{where}.{key}" if where else key)
        for key, shape in self.may.items():
            if key in value:
                shape.check(value[key], f"{where}.{key}" if where else key)


@dataclass(frozen=True)
class Object:
    """Any object; what is in it is its reader's business."""

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise MalformedError(where, "an object", value)


@dataclass(frozen=True)
class Anything:
    """Whatever it is: only that it is there."""

    def check(self, value: object, where: str) -> None:
        pass


ANY = Anything()
TEXT = Text()
NUMBER = Number()
WHOLE = Number(whole=True)
NATURAL = Number(whole=True, least=0)
FLAG = Flag()


def check(value: object, shape: Shape, where: str = "") -> None:
    """Check a value against a shape.  Raises: MalformedError."""
    shape.check(value, where)
