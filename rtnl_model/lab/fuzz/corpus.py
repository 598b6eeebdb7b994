"""The corpus: a folder of scripts, each kept because it reached something new.

    DIR/corpus/0123456789.json    one script: text, features, counts, where it came from
    DIR/findings/<cause>/…        `folder.py`
    DIR/state.json                how far a hunt came, for `--resume`

One process writes (the hunt's parent), each file whole (`write_text`).  Folders of several machines
can be merged (`Hunt.merge`, or by copying files): names are made of contents, and features are the
same numbers everywhere.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from lockcheck.render import write_text

__all__ = ["Corpus", "Kept", "NotACorpus"]

SCHEMA: Final = "rtnl-model/corpus/1"
BYTES_MAX: Final = 1 << 20
"""A corpus file is small; a larger one is none of ours."""
FRESH: Final = 0.5
"""Chance that the newest quarter of the corpus is drawn from: what was learned last leads on."""


class NotACorpus(Exception):  # noqa: N818 - says what is wrong, as ScriptError does
    """A file in a corpus folder cannot be read as one of ours."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One script of the corpus."""

    script: str
    features: tuple[int, ...]
    """Everything it reached."""
    schedules: int
    orders: int
    origin: str
    """`seed 7 script 12`, or the name of the script that it was made from."""

    @property
    def name(self) -> str:
        """The file's name, from the contents."""
        return hashlib.sha256(self.script.encode("utf-8", "surrogatepass")).hexdigest()[:10]


class Corpus:
    """What brought coverage so far; `folder` None keeps nothing on disk."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.kept: list[Kept] = []
        self.features: set[int] = set()
        self._names: set[str] = set()

    def load(self) -> int:
        """Read what is there; returns how many scripts.  Raises: NotACorpus, OSError."""
        if self.folder is None or not self.folder.is_dir():
            return 0
        for path in sorted(self.folder.glob("*.json")):
            self.take(read_kept(path), write=False)
        return len(self.kept)

    def new_of(self, features: set[int]) -> set[int]:
        """Those that no script of the corpus has reached."""
        return features - self.features

    def take(self, kept: Kept, *, write: bool = True) -> bool:
        """Keep a script if it brings anything new; returns whether it did."""
        new = set(kept.features) - self.features
        if not new or kept.name in self._names:
            return False
        self.features |= new
        self.kept.append(kept)
        self._names.add(kept.name)
        if write and self.folder is not None:
            document = {"schema": SCHEMA, **asdict(kept)}
            write_text(self.folder / f"{kept.name}.json", json.dumps(document, indent=1) + "\n")
        return True

    def draw(self, rng: random.Random) -> Kept | None:
        """A script to make another one from."""
        if not self.kept:
            return None
        newest = self.kept[-max(1, len(self.kept) // 4) :]
        return rng.choice(newest if rng.random() < FRESH else self.kept)


def read_kept(path: Path) -> Kept:
    """One file of a corpus.  Raises: NotACorpus, OSError."""
    with path.open("rb") as file:
        raw = file.read(BYTES_MAX + 1)
    try:
        if len(raw) > BYTES_MAX:
            raise ValueError(f"more than {BYTES_MAX} bytes")
        document = json.loads(raw)
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"schema is not {SCHEMA}")
        return Kept(
            _text(document, "script"),
            tuple(_number(value) for value in document["features"]),
            _number(document["schedules"]),
            _number(document["orders"]),
            _text(document, "origin"),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NotACorpus(f"{path}: not a script of a corpus: {error}") from error


def _text(document: dict[str, object], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is not a text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise ValueError(f"{value!r} is not a count")
    return value
