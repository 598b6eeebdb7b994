"""WrongSetting: the model cannot be built as asked; its text is one line for the user."""

from __future__ import annotations

__all__ = ["WrongSetting"]


class WrongSetting(Exception):  # noqa: N818 - says what is wrong, as ScriptError does
    """An unknown bug, a driver file without a driver, an unknown table of waits."""
