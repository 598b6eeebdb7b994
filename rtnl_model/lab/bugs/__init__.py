"""The catalogue's pages: reverted patches, hazards, known bugs, candidate defects; a file for each.

Every file has one `ENTRY`.  It tells the story, overrides just the functions concerned, and brings
the scenario that shows it; `lab.catalogue` lists them.  No kernel file knows of any of this.
"""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["Entry", "Expected", "Setting"]
