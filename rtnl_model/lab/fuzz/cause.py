"""When are two findings of different scripts the same one?

A script's names differ from the next one's, so names of devices and namespaces are taken out of a
title, and numbers with them; of clauses that are then the same, one stays (a thread may wait for
two devices as for one).  What is left, the kind, the rule's words and the tags, is the cause.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Cause", "cause_of"]

_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass(frozen=True, slots=True)
class Cause:
    """What makes findings one."""

    kind: str
    title: str
    """Without names and numbers."""
    tags: tuple[str, ...]

    @property
    def ident(self) -> str:
        """A short stable name, for folders."""
        text = "\x1f".join((self.kind, self.title, *self.tags))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]

    @property
    def known(self) -> bool:
        """Is it a defect that the regime is known for?"""
        return any(tag.startswith("known:") for tag in self.tags)


def cause_of(finding: Mapping[str, object], names: Iterable[str]) -> Cause:
    """The cause of a finding's document; `names`: devices and namespaces of its script."""
    data = finding.get("data")
    tags = data.get("tags", ()) if isinstance(data, Mapping) else ()
    clauses = without_names(str(finding["title"]), names).split(", ")
    return Cause(
        str(finding["kind"]),
        ", ".join(dict.fromkeys(clauses)),
        tuple(sorted({str(tag) for tag in tags})),
    )


def without_names(title: str, names: Iterable[str]) -> str:
    """A title in which every name is `·` and every number `#`; repeated names are kept apart."""
    ordered = sorted({name for name in names if name}, key=lambda name: (-len(name), name))
    if ordered:
        pattern = r"(?<!\w)(?:" + "|".join(map(re.escape, ordered)) + r")(?!\w)"
        title = re.sub(pattern, "·", title)
    return _NUMBER.sub("#", title)
