"""The catalogue's pages: reverted patches, hazards, known bugs, candidate defects; a file for each.

A page has one `ENTRY` (`unconverted` has `ENTRIES`, one a kind).  It has the story, overrides just
the functions concerned, and brings the scenario that shows it; `lab.catalogue` lists them.  No
kernel file knows of any of this.

No pages are `entry` (what a page holds), `own_locks` (a mutex that excludes nobody) and `no_page`
(patches whose absence breaks nothing, and why).
"""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["Entry", "Expected", "Setting"]
