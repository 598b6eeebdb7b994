"""Of the model's tests alone."""

from __future__ import annotations

import pytest

from rtnl_model.lab import model_run


@pytest.fixture
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog of a script's run looks more often; how often decides nothing but when."""
    monkeypatch.setattr(model_run, "WATCH_SECONDS", 0.02)
