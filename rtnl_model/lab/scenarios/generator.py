"""Draw scenarios from a seed: a sequence of commands, or several at one moment.

`Generator(seed)` is endless; scenario number N depends on the seed and N only, so one can be made
again alone.  Every command is text as a user types it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from rtnl_model.kernel.documents import Fields

from .drawer import Drawer
from .kinds import KINDS
from .weights import Weights

__all__ = ["Generator"]


class Generator:
    """Scenarios of the given kinds; `ops` are drawn between the two bounds."""

    def __init__(
        self,
        seed: int,
        *,
        kinds: Sequence[str] = tuple(KINDS),
        weights: Weights | None = None,
        ops: tuple[int, int] = (6, 14),
    ) -> None:
        self.seed = seed
        self.kinds = [KINDS[name] for name in kinds]
        self.weights = weights or Weights()
        self.ops = ops

    def scenario(self, number: int) -> Fields:
        """Scenario `number` of this seed."""
        rng = Random(f"{self.seed}/{number}")
        drawer = Drawer(rng, self.kinds, self.weights)
        ops = drawer.prologue()
        for _ in range(rng.randint(*self.ops)):
            ops.append(drawer.op())
        ops += drawer.epilogue()
        return {"name": f"g{self.seed}-{number}", "kind": "generated", "ops": ops}

    def scenarios(self, count: int) -> list[Fields]:
        """The first `count`."""
        return [self.scenario(number) for number in range(count)]

    def concurrent(self, number: int, *, threads: int = 2, after: int = 6) -> Fields:
        """A scenario that ends with `threads` commands at one moment.

        They are drawn from the same world, so they meet: both ends of a pair, a lower and its
        upper, a namespace and what lives in it.
        """
        rng = Random(f"{self.seed}/{number}/concurrent")
        drawer = Drawer(rng, self.kinds, self.weights)
        ops = drawer.prologue()
        for _ in range(after):
            ops.append(drawer.building())
        commands = [drawer.clash() for _ in range(threads)]
        ops.append({"op": "par", "ops": commands})
        ops += drawer.epilogue()
        return {"name": f"c{self.seed}-{number}", "kind": "generated", "ops": ops}

    def __iter__(self) -> Iterator[Fields]:
        number = 0
        while True:
            yield self.scenario(number)
            number += 1
