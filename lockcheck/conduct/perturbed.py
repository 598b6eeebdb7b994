"""The perturbed conductor: the operating system schedules, seeded delays at the points disturb it.

After rr's chaos mode: each thread is a victim with a small chance (the first thread with a larger
one); a victim is now and then starved for a length between a microsecond and two milliseconds, a
power of two, and all starving together is held below a fifth of the run.  Besides, each point
yields with a chance drawn once a run.

Each thread has a generator of its own, seeded by the run's seed and the thread's name, so its
delays do not depend on who arrives when.  The seed reproduces the *delays*, not the order: a second
run is a similar run.  What went in which order is recorded (`orders`), so that a failure can be
followed by the controlled conductor (`explore.bridge`).
"""

from __future__ import annotations

import random
import threading
import time
import zlib
from collections.abc import Callable
from typing import Final

from lockcheck.seam import AT_POINTS, Named, Op, Startable

__all__ = ["PerturbedConductor"]

VICTIM_CHANCE: Final = 0.1
FIRST_VICTIM_CHANCE: Final = 0.3
STARVED_SHARE: Final = 0.2
STARVE_CHANCE: Final = 0.05
"""Of a victim's point to begin a starvation."""
LENGTHS: Final = tuple(2**i * 1e-6 for i in range(12))
"""1 µs, 2 µs, 4 µs … 2 ms."""
YIELD_CHANCES: Final = (0.0, 0.1, 0.5)


class _Noise:
    """One thread's delays."""

    __slots__ = ("chance", "random", "rng", "starved", "victim")

    def __init__(self, seed: int, name: str, chance: float, *, first: bool) -> None:
        self.rng = random.Random(f"{seed}/{name}")
        self.random = self.rng.random
        self.chance = chance
        self.victim = self.random() < (FIRST_VICTIM_CHANCE if first else VICTIM_CHANCE)
        self.starved = 0.0


class _Local(threading.local):
    noise: _Noise | None = None


class PerturbedConductor:
    """Delays; one for each run.

    Args:
        seed: of the delays.
        quiet: no delays at all, only the record of orders.
    """

    controlled = False
    timed = True
    in_round = False

    def __init__(self, seed: int, *, quiet: bool = False) -> None:
        self.seed = seed
        self.orders: dict[str, list[int]] = {}
        """By object: whose turn it was, in order (`thread_key`); written under its own lock."""
        self.observed: frozenset[str] = frozenset()
        """Fields with a race: each access is a place for a delay from then on."""
        self._quiet = quiet
        self._chance = random.Random(seed).choice(YIELD_CHANCES)
        self._local = _Local()
        self._first = threading.get_ident()
        self._began = time.monotonic()

    def observe(self, name: str) -> None:
        """Accesses of this field may wait from now on."""
        self.observed |= {name}

    def wrote(
        self, cell: object, look: Callable[[], object], witness: object | None = AT_POINTS
    ) -> None:
        """Nothing: nobody asks what a wait's repetition changes."""

    def point(self, op: Op) -> bool:
        """Perhaps wait a little.  True always: the operation itself may still block."""
        if self._quiet:
            return True
        noise = self._local.noise
        if noise is None:
            noise = self._local.noise = self._make_noise()
        if noise.victim and noise.random() < STARVE_CHANCE:
            self._starve(noise)
        elif noise.chance and noise.random() < noise.chance:
            time.sleep(0)
        return True

    def choose(self, n: int, why: str) -> int:
        """Draw, from the thread's own generator."""
        noise = self._local.noise
        if noise is None:
            noise = self._local.noise = self._make_noise()
        return noise.rng.randrange(n)

    def spawn(self, thread: Startable, run: Callable[[], None]) -> bool:
        """The caller starts its own real thread."""
        return False

    def now(self) -> float:
        """Real seconds."""
        return time.monotonic()

    def note(self, obj: Named, ts: Named) -> None:
        """Record whose turn it was; called under the object's own exclusion."""
        order = self.orders.get(obj.name)
        if order is None:
            order = self.orders.setdefault(obj.name, [])
        order.append(thread_key(ts.name))

    def _make_noise(self) -> _Noise:
        ident = threading.get_ident()
        known = threading._active.get(ident)  # type: ignore[attr-defined]  # private
        name = known.name if known is not None else "?"
        return _Noise(self.seed, name, self._chance, first=ident == self._first)

    def _starve(self, noise: _Noise) -> None:
        length = noise.rng.choice(LENGTHS)
        if noise.starved + length > STARVED_SHARE * (time.monotonic() - self._began):
            return
        noise.starved += length
        time.sleep(length)


def thread_key(name: str) -> int:
    """Name a thread alike in a free and in a controlled run."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass"))
