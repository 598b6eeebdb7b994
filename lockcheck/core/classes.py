"""Lock classes, and the keys by which instances are known to the graph.

As in lockdep the unit of checking is the class: a name (or an allocation site) plus a subclass
0..7.  Unlike lockdep an instance stays known: the first `INSTANCES` locks of a class have a key of
their own, so that a cycle which those instances cannot close is reported as `class-only`.  The
locks after that share the class's "many" key, which may be any instance.

A `Key` is what the warm path looks up in a chain: one object for each (instance, subclass, mode,
try), made on first use and never thrown away, so a dictionary probe compares by identity.

Left out: zapping of classes (a class is a name here; it costs little and is kept).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

from lockcheck.core import sites
from lockcheck.core.stacks import is_ours

INSTANCES = 64
SUBCLASSES = 8

WRITE = 0
READ = 1
"""A queued (non-recursive) reader: blocked by a writer that holds or waits."""
RECURSIVE_READ = 2
"""Blocked only by a writer that holds."""

MODE_NAMES = ("lock", "read", "rread")

NOTHING: Any = MappingProxyType({})  # stands for a dictionary of any kind
"""In the place of a dictionary that most objects never need; whoever writes makes one first."""

Compare = Callable[[Any, Any], int]  # of two locks of the user's


class LockClass:
    """One class of locks and one subclass of it.

    `base` is subclass 0; counters of instances stand there, usage and order here.
    """

    __slots__ = (
        "acquisitions",
        "base",
        "cmp",
        "contentions",
        "disordered",
        "foreign",
        "host",
        "instances",
        "keys",
        "kind",
        "labelled",
        "many",
        "max_wait",
        "name",
        "no_block",
        "percpu",
        "serial",
        "site",
        "subclass",
        "subs",
        "variants",
        "wait_total",
        "waits_allowed",
    )  # fmt: skip

    def __init__(self, name: str, serial: int, base: LockClass | None, subclass: int) -> None:
        self.base = self if base is None else base
        self.name = name if subclass == 0 else f"{name}/{subclass}"
        self.serial = serial
        self.subclass = subclass
        self.kind: str = base.kind if base else "lock"
        self.site: str = base.site if base else ""
        """Where its locks are made, `file:line`; for people."""
        self.cmp: Compare | None = base.cmp if base else None
        self.no_block: bool = base.no_block if base else False
        """Nobody may wait (for anything but a lock) while holding it."""
        self.percpu: bool = base.percpu if base else False
        self.waits_allowed: bool = base.waits_allowed if base else False
        """Held across waits by design: such a wait is no dependency (a stuck one still is seen)."""
        self.host: Any = None  # the Checker, which this floor does not know
        """Whose engine it belongs to: locks need not all remember that."""
        self.instances = 0
        self.acquisitions = 0
        self.contentions = 0
        self.wait_total = 0.0
        self.max_wait = 0.0
        self.labelled = 0
        self.many: Key | None = None
        self.subs: dict[int, LockClass] = NOTHING
        self.variants: dict[tuple[int, int, bool, int], Key] = NOTHING
        """(serial, mode, trylock, subclass) -> the key of that lock, taken in that way."""
        self.disordered = False
        """Two of its locks were nested against its order, or without one."""
        self.foreign = 0
        """Releases by a thread that was not the owner."""

    def next_label(self) -> str:
        """A stable name for an instance whose key is shared and that was given none."""
        self.base.labelled += 1
        return f"{self.base.name}#{INSTANCES + self.base.labelled - 1}"

    def __repr__(self) -> str:
        return f"<class {self.name}>"


class Key:
    """An instance (or "many"), in a subclass, in a mode, by trying or not.

    This class is the usual one: a lock without a name of its own, taken by a plain acquire.  There
    is one for each of a class's first locks, so whatever is otherwise stands in `SpecialKey`.
    """

    __slots__ = ("cls", "serial")

    label: str | None = None
    """The name it was given, if any."""
    mode: int = WRITE
    trylock: bool = False
    permits: int = 1
    """How many may hold it at once: more than one for a counting semaphore."""

    def __init__(self, cls: LockClass, serial: int) -> None:
        self.cls = cls
        self.serial = serial
        """Number of the instance in its class; -1: may be any."""

    @property
    def base(self) -> Key:
        """The key of the same instance, taken by a plain acquire."""
        return self

    @property
    def many(self) -> bool:
        return self.serial < 0

    @property
    def name(self) -> str:
        """Stable name of the instance: the one given, or class#n; class#* is any of them."""
        if self.label is not None:
            return self.label
        return f"{self.cls.base.name}#{'*' if self.serial < 0 else self.serial}"

    @property
    def mode_name(self) -> str:
        if self.cls.base.kind == "map":
            return "map" if self.trylock else "sync"
        return "try" if self.trylock and self.mode == WRITE else MODE_NAMES[self.mode]

    def __repr__(self) -> str:
        return f"<key {self.name} {self.mode_name}>"


class SpecialKey(Key):
    """A key with a name, with more permits, or of a lock taken in another way."""

    __slots__ = ("_base", "label", "mode", "permits", "trylock")

    def __init__(
        self, cls: LockClass, serial: int, *, label: str | None = None, permits: int = 1
    ) -> None:
        super().__init__(cls, serial)
        self._base: Key = self
        self.label = label
        self.permits = permits
        self.mode = WRITE
        self.trylock = False

    @classmethod
    def variant(cls, base: Key, of: LockClass, mode: int, *, trylock: bool) -> SpecialKey:
        """Make the key of `base`'s instance, taken in another way; `of`: its subclass."""
        key = cls(of, base.serial, label=base.label, permits=base.permits)
        key._base = base
        key.mode = mode
        key.trylock = trylock
        return key

    @property
    def base(self) -> Key:
        return self._base


class Classes:
    """All classes of one checker.  Locks: the engine's leaf, for all but `named`."""

    def __init__(self, host: object = None) -> None:
        self._host = host
        self._by_name: dict[str, LockClass] = {}
        self._all: list[LockClass] = []
        self.keys = 0
        """Locks that are kept apart, so that a report can say what these instances cannot do."""

    def __iter__(self) -> Iterator[LockClass]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def find(self, name: str) -> LockClass | None:
        return self._by_name.get(name)

    def get(self, name: str) -> LockClass:
        """Return the class of that name; make it when there is none."""
        cls = self._by_name.get(name)
        if cls is None:
            cls = self._by_name[name] = self._add(LockClass(name, len(self._all), None, 0))
        return cls

    def subclass(self, base: LockClass, number: int) -> LockClass:
        """Return subclass `number` of `base`.  Raises: ValueError."""
        if number == 0:
            return base
        if not 0 <= number < SUBCLASSES:
            raise ValueError(f"subclass must be 0 to {SUBCLASSES - 1}, not {number}")
        cls = base.subs.get(number)
        if cls is None:
            cls = self._add(LockClass(base.name, len(self._all), base, number))
            base.subs = base.subs or {}
            base.subs[number] = cls
        return cls

    def _add(self, cls: LockClass) -> LockClass:
        self._all.append(cls)
        cls.host = self._host
        return cls

    def named(self, name: str | None, depth: int) -> tuple[str, str]:
        """(class name, site) of a lock made `depth` frames above; a site only for a new class."""
        if name is None:
            return sites.allocation(sys._getframe(depth))
        if name in self._by_name:
            return name, ""
        frame = sys._getframe(depth)
        while is_ours(frame.f_code.co_filename) and frame.f_back is not None:
            frame = frame.f_back
        return name, f"{frame.f_code.co_filename}:{frame.f_lineno}"

    def instance(
        self,
        name: str,
        site: str = "",
        *,
        instance: str | None = None,
        cmp: Compare | None = None,
        kind: str = "lock",
        permits: int = 1,
    ) -> Key:
        """Key for a new lock of class `name`; `permits`: how many may hold it at once."""
        cls = self.get(name)
        if not cls.instances:
            cls.kind = kind
            cls.site = site
        if cmp is not None:
            cls.cmp = cmp
        number = cls.instances
        cls.instances += 1
        if number >= INSTANCES:
            if cls.many is None:
                cls.many = Key(cls, -1)
            return cls.many
        self.keys += 1
        if instance is None and permits == 1:
            return Key(cls, number)
        return SpecialKey(cls, number, label=instance, permits=permits)

    def variant(self, key: Key, mode: int, trylock: bool, subclass: int) -> Key:
        """The key of the same instance, taken in another way."""
        base = key.base
        if mode == base.mode and not trylock and not subclass:
            return base
        first = base.cls
        ident = (key.serial, mode, trylock, subclass)
        found = first.variants.get(ident)
        if found is None:
            cls = self.subclass(first, subclass)
            found = SpecialKey.variant(base, cls, mode, trylock=trylock)
            first.variants = first.variants or {}
            first.variants[ident] = found
        return found
