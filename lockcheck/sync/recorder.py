"""A recorder for time lines: who held what and waited for what, when; bounded.

Off by default, and then it costs nothing: a checker with a recorder makes `RecordedLock`s, one
without makes plain ones, and waits look at it only when they block.  Spans go
into a ring of the newest `limit`; per-class statistics (what `lock_stat` shows) are kept per
thread, each written by its own thread only, and added up when somebody reads.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lockcheck.core.collecting import PAUSED, pause, resume
from lockcheck.core.document import Json
from lockcheck.sync.lock import ObservedLock

if TYPE_CHECKING:
    from types import TracebackType

    from lockcheck.core.classes import Key
    from lockcheck.core.held import CheckedLock, Hold, ThreadState
    from lockcheck.seam import Op
    from lockcheck.sync.host import Host

__all__ = ["RecordedLock", "Recorder", "Stat"]

LIMIT = 20_000


class Stat:
    """How long: count, least, most, total, in seconds."""

    __slots__ = ("count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.least = 0.0
        self.most = 0.0
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.least = seconds if not self.count else min(self.least, seconds)
        self.most = max(self.most, seconds)
        self.total += seconds
        self.count += 1

    def merge(self, other: Stat) -> None:
        if not other.count:
            return
        self.least = other.least if not self.count else min(self.least, other.least)
        self.most = max(self.most, other.most)
        self.total += other.total
        self.count += other.count

    def to_dict(self) -> Json:
        """Microseconds, as in lock_stat."""
        return {
            "count": self.count,
            "min": round(self.least * 1e6, 2),
            "max": round(self.most * 1e6, 2),
            "total": round(self.total * 1e6, 2),
        }


class Recorder:
    """Spans of holding and waiting, and statistics by lock class."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._spans: deque[tuple[str, int, str, float, float]] = deque(maxlen=limit)
        """(kind, thread serial, name, from, to); appending is atomic."""
        self._arrows: deque[tuple[int, int, str, float, float]] = deque(maxlen=limit // 4)
        """(from thread, to thread, name, when it was woken, when it ran); as above."""
        self._names: dict[int, str] = {}
        self._held: dict[int, dict[str, Stat]] = {}
        self._waited: dict[int, dict[str, Stat]] = {}
        self._begun: dict[int, dict[Hold, float]] = {}
        """Thread serial -> its holds of readers' and writers' locks; that thread's own."""
        self._count = 0

    def held(self, ts: ThreadState, name: str, cls: str, since: float, until: float) -> None:
        """A lock was held."""
        self._note("hold", ts, name, since, until)
        self._stat(self._held, ts, cls).add(until - since)

    def took(self, ts: ThreadState, hold: Hold, now: float) -> None:
        """A lock that is no plain one was taken: its hold has no place for the time."""
        self._begun.setdefault(ts.serial, {})[hold] = now

    def gave(self, ts: ThreadState, hold: Hold, now: float) -> None:
        """And released, by the same thread."""
        since = self._begun.get(ts.serial, {}).pop(hold, None)
        if since is not None:
            lock = hold.lock
            self.held(ts, label_of(lock), lock.class_name, since, now)

    def waited(self, ts: ThreadState, op: Op, since: float, until: float) -> None:
        """A thread had to wait."""
        name = op.why or str(op.obj.name)
        self._note("idle" if op.idle else "wait", ts, name, since, until)
        key = getattr(op.obj, "key", None)  # locks have one
        if key is not None:
            self._stat(self._waited, ts, str(key.cls.name)).add(until - since)

    def woke(self, by: ThreadState, ts: ThreadState, op: Op, at: float, until: float) -> None:
        """What `by` changed at `at` ended the wait of `ts`: an arrow."""
        if by is not ts:
            self._names[by.serial] = by.name
            self._arrows.append((by.serial, ts.serial, op.why or str(op.obj.name), at, until))

    def _note(self, kind: str, ts: ThreadState, name: str, since: float, until: float) -> None:
        self._names[ts.serial] = ts.name
        self._spans.append((kind, ts.serial, name, since, until))
        self._count += 1  # may lose one under a race: it only says that something was dropped

    @staticmethod
    def _stat(table: dict[int, dict[str, Stat]], ts: ThreadState, cls: str) -> Stat:
        mine = table.get(ts.serial)
        if mine is None:
            mine = table[ts.serial] = {}
        found = mine.get(cls)
        if found is None:
            found = mine[cls] = Stat()
        return found

    def to_dict(self, chk: Host | None = None) -> Json:
        """Threads and spans, in seconds since the first; spans still open end now (`chk`)."""
        spans = list(self._spans)
        open_spans: list[tuple[str, int, str, float, float]] = []
        if chk is not None:
            open_spans = self._open(chk)
        start = min((span[3] for span in spans + open_spans), default=0.0)
        rows = [
            {"kind": k, "thread": t, "name": n, "from": round(a - start, 7),
             "to": round(b - start, 7), "open": number >= len(spans)}
            for number, (k, t, n, a, b) in enumerate(spans + open_spans)
        ]  # fmt: skip
        return {
            "schema": "lockcheck/timeline/1",
            "threads": [{"serial": s, "name": n} for s, n in sorted(self._names.items())],
            "spans": rows,
            "arrows": [
                {
                    "from": a,
                    "to": b,
                    "name": n,
                    "at": max(0.0, round(at - start, 7)),
                    "until": max(0.0, round(until - start, 7)),
                }
                for a, b, n, at, until in list(self._arrows)
            ],
            "dropped": max(0, self._count - len(spans)),
            "lock_stat": self.lock_stat(),
        }

    def lock_stat(self) -> dict[str, Json]:
        """`{class: {"hold": {count min max total}, "wait": {…}}}`, microseconds."""
        found: dict[str, dict[str, Stat]] = {}
        for word, table in (("hold", self._held), ("wait", self._waited)):
            for _serial, mine in sorted(table.items()):
                for cls, stat in list(mine.items()):
                    both = found.setdefault(cls, {"hold": Stat(), "wait": Stat()})
                    both[word].merge(stat)
        return {
            cls: {word: stat.to_dict() for word, stat in both.items()}
            for cls, both in sorted(found.items())
        }

    def _open(self, chk: Host) -> list[tuple[str, int, str, float, float]]:
        """What is held and waited for at this moment; read without stopping anybody."""
        now = chk.now()
        found = []
        with PAUSED, chk._threads_lock:
            states = list(chk.threads.values())
        for ts in states:
            for entry in list(ts.held()):
                lock = getattr(entry, "lock", entry)  # a hold's
                since = self._begun.get(ts.serial, {}).get(entry) or getattr(
                    lock, "since", None
                )  # recorded ones have it
                if since is not None:
                    found.append(("hold", ts.serial, label_of(lock), since, now))
            waiting = ts.waiting
            if waiting is not None:
                op = waiting.op
                kind = "idle" if op.idle else "wait"
                found.append((kind, ts.serial, op.why or str(op.obj.name), waiting.since, now))
            self._names.setdefault(ts.serial, ts.name)
        return found


def label_of(lock: CheckedLock) -> str:
    """The lock's name, and its class where the name does not say it."""
    name, cls = str(lock.name), str(lock.key.cls.name)
    return name if name.startswith(cls) else f"{cls} ({name})"


class RecordedLock(ObservedLock):
    """`ObservedLock` that reports to the recorder how long it was held."""

    __slots__ = ("since",)

    def __init__(self, chk: Host, key: Key, label: str | None = None) -> None:
        super().__init__(chk, key, label)
        self.since = 0.0  # invariant: written only by the thread that holds `real`

    def acquire(
        self, blocking: bool = True, timeout: float = -1, subclass: int = 0, nest: object = None
    ) -> bool:
        if not ObservedLock.acquire(self, blocking, timeout, subclass, nest):
            return False
        self.since = self.chk.now()
        return True

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.release()

    def release(self) -> None:
        since = self.since
        chk = self.chk
        ts = self.chk.current()
        recorder = chk.recorder
        if recorder is not None and self.real.locked():
            pause()  # it is held still
            try:
                recorder.held(ts, label_of(self), self.cls.name, since, chk.now())
            finally:
                resume()
        ObservedLock.release(self)
