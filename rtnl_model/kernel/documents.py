"""The plain dictionaries that leave the model: trace lines, notifications, JSON documents.

Their values are of many types, and who reads a field knows which; that is said here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Document", "Fields"]

Fields = dict[str, Any]  # JSON, being filled: a value is whatever its field says
Document = Mapping[str, Any]  # JSON, being read: the reader knows each field's type
