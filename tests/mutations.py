"""Documents changed at random: what a reader must survive.  Seeded, no library.

`mutants(document, count, seed)` yields copies with one to three changes each: a value replaced by
one of another type, a field dropped or renamed, a list doubled or emptied, a text with a control
character or half a surrogate pair, a number that is no number of ours, a value nested deep.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

__all__ = ["mutants"]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 70, 1.5, -0.0, 1e300, "", "x", "\ud800", "a\x1b[2Jb", "\0",
    "</script>", "\u202e", [], {}, [None], [[]], {"": None}, ["x"], {"x": {}}, 10**60,
)  # fmt: skip


def mutants(document: Any, count: int, seed: int) -> Iterator[str]:
    """Yield `count` changed copies as JSON text."""
    rng = random.Random(seed)
    for _ in range(count):
        mutant = {"": copy.deepcopy(document)}
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            change(mutant, rng)
        text = json.dumps(mutant[""])
        yield bend(text, rng) if rng.random() < 0.05 else text


def change(holder: Any, rng: random.Random) -> None:
    """Change one place, reached by a random walk that stops anywhere."""
    at: Any = holder
    key: Any = ""
    while True:
        inner = at[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.12:
            break
        at = inner
        key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
    kind = rng.randrange(8)
    if kind == 0 and at is not holder:
        del at[key]
    elif kind == 1 and isinstance(at, dict) and at is not holder:
        at[rng.choice(("x", key + "_", "\x1b"))] = at.pop(key)
    elif kind == 2 and isinstance(at, list):
        at.append(copy.deepcopy(rng.choice(at)))
    elif kind == 3:
        at[key] = [at[key]] if rng.random() < 0.7 else {"x": at[key]}
    elif kind == 4 and isinstance(at[key], str):
        where = rng.randint(0, len(at[key]))
        at[key] = at[key][:where] + rng.choice(("\x1b]0;x\x07", "\ud800", "\n")) + at[key][where:]
    else:
        at[key] = copy.deepcopy(rng.choice(VALUES))


def bend(text: str, rng: random.Random) -> str:
    """A text that is not JSON any more, or nested too deep."""
    where = rng.randint(0, len(text))
    return rng.choice((
        text[:where], text[:where] + rng.choice('{}[]",:0xN') + text[where:],
        "[" * 20_000 + text, '{"x":' * 500 + text + "}" * 500, text.replace(":", ": NaN,", 1),
    ))  # fmt: skip
