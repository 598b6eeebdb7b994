"""What `bugs --check` saw of one entry, and the setting that the entry is run in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtnl_model.kernel.documents import Fields

from .bugs import Setting
from .model_run import ModelSetting

__all__ = ["CheckResult", "model_setting"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was seen of one entry."""

    id: str
    found: str
    """The finding that showed it; empty: not seen."""
    twin: str
    """Why the twin is not clean; empty: it is."""
    effort: str
    token: str = ""

    @property
    def confirmed(self) -> bool:
        """Seen with the defect, and not without."""
        return bool(self.found) and not self.twin

    def to_dict(self) -> Fields:
        """For --json."""
        return {
            "id": self.id,
            "confirmed": self.confirmed,
            "finding": self.found,
            "twin": self.twin or "clean",
            "effort": self.effort,
            "replay": self.token,
        }

    def __str__(self) -> str:
        word = "confirmed" if self.confirmed else "NOT CONFIRMED"
        lines = [f"{self.id}: {word} ({self.effort})"]
        lines.append(f"    with it:    {self.found or 'nothing of what it promises'}")
        lines.append(f"    without it: {self.twin or 'clean'}")
        if self.token:
            lines.append(f"    replay: {self.token}")
        return "\n".join(lines)


def model_setting(setting: Setting, bugs: Sequence[str] = ()) -> ModelSetting:
    """An entry's setting as the model takes it."""
    return ModelSetting(
        rtnl=setting.regime,
        workers=setting.workers,
        cpus=setting.cpus,
        strict=setting.strict,
        timing=setting.timing,
        bugs=tuple(bugs),
        fixes=setting.fixes,
    )
