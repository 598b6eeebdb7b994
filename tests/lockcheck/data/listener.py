"""A watch that hears of everything and does nothing about it."""

from __future__ import annotations

from lockcheck.patch.data.sight import UNKNOWN, How, Sight, Touch

__all__ = ["Listener"]


class Listener(Sight):
    """Counts accesses by kind."""

    def __init__(self) -> None:
        super().__init__(lambda kind: kind)
        self.heard = dict.fromkeys(How, 0)
        self.names: list[str] = []

    def touch(self, how: How, touched: Touch, value: object = UNKNOWN) -> None:
        self.heard[how] += 1
        if len(self.names) < 10_000:
            self.names.append(f"{how.name.lower()} {touched[0][0].name}")
