"""A finding as an exception, for `on_report="raise"`.

Raised in the thread whose operation closed the cycle, after that operation was undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockcheck.core.report import Report

__all__ = ["Violation"]


class Violation(Exception):  # noqa: N818  (what was found, not what went wrong)
    """Something that lockcheck reports, with `on_report="raise"`; `.report` is the finding.

    The operation that it came from was undone: the lock was not taken.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report.title)
        self.report = report
