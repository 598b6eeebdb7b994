"""The plain dictionaries that leave the checker: reports, graphs, results, tokens as JSON.

Their values are of many types, and who reads a field knows which; that is said here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Document", "Json"]

Json = dict[str, Any]  # being filled: a value is whatever its field says
Document = Mapping[str, Any]  # being read: the reader knows each field's type
