"""Shards: I/N of a search, on any machine, without talking; and the join of their results.

Sampling strategies: shard I runs the runs I, I+N, I+2N… of the one sequence that the seed defines,
so the union over all shards is the unsharded sequence.  Exhaustive ones: the first `DEPTH` real
choices are expanded in full by everybody, and a prefix belongs to the shard that its checksum
names; foreign prefixes cost a few points each.

A merged result is incomplete when a shard is missing, and says which.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Final

from lockcheck.core.document import Json
from lockcheck.explore.result import Identity

__all__ = ["DEPTH", "MergeError", "Owns", "merge", "owner_of", "parse_shard"]

DEPTH: Final = 4
"""Choices (with more than one possibility) that make a prefix."""

_OF_THE_SEARCH: Final = ("schema", "strategy", "seed", "subject", "early_timers")
"""What the documents of one search have in common."""

Owns = Callable[[Sequence[int]], bool]


class MergeError(ValueError):
    """These results cannot be joined."""


def parse_shard(text: str) -> tuple[int, int]:
    """Read `I/N`, I from 1 to N.  Returns (I - 1, N).  Raises: ValueError."""
    number, separator, count = text.partition("/")
    if not separator or not number.isdigit() or not count.isdigit():
        raise ValueError(f"{text!r}: a shard is I/N, as in 3/8")
    i, n = int(number), int(count)
    if not 1 <= i <= n:
        raise ValueError(f"{text!r}: the shards of {n} are 1/{n} to {n}/{n}")
    return i - 1, n


def owner_of(shard: tuple[int, int]) -> Owns | None:
    """Return which prefixes a shard owns; None: all."""
    index, count = shard
    if count == 1:
        return None

    def owns(prefix: Sequence[int]) -> bool:
        return zlib.crc32(",".join(map(str, prefix)).encode()) % count == index

    return owns


def merge(documents: Sequence[Json]) -> Json:
    """Join the result documents of shards.  Raises: MergeError."""
    if not documents:
        raise MergeError("no results to merge")
    first = documents[0]
    for document in documents:
        for key in _OF_THE_SEARCH:
            if document.get(key) != first.get(key):
                both = f"{document.get(key)!r} and {first.get(key)!r}"
                raise MergeError(f"results of different searches: {key} {both}")
    shards: dict[int, Json] = {}
    count = _count(first)
    for document in documents:
        if _count(document) != count:
            raise MergeError(f"shards of {count} and of {_count(document)}")
        index = int(str(document["shard"]).split("/")[0])
        if index in shards:
            raise MergeError(f"shard {index}/{count} is there twice")
        shards[index] = document
    missing = [index for index in range(1, count + 1) if index not in shards]
    return _joined(first, [shards[index] for index in sorted(shards)], count, missing)


def _count(document: Json) -> int:
    try:
        return int(str(document["shard"]).split("/")[1])
    except (KeyError, IndexError, ValueError) as error:
        raise MergeError("not the result of `explore --json`") from error


def _identity(finding: Json) -> Identity:
    """As `result.identity_of` its report: the tags belong to it."""
    tags = finding.get("data", {}).get("tags", ())
    return (finding["fingerprint"], *sorted(map(str, tags)))


def _better(one: Json, other: Json) -> bool:
    """Does `one` show the same finding better: it counts, it has a token, a shorter one?"""

    def rank(finding: Json) -> tuple[bool, bool, int]:
        token = finding.get("replay", "")
        return (not finding.get("counts", True), not token, len(token))

    return rank(one) < rank(other)


def _joined(first: Json, documents: list[Json], count: int, missing: list[int]) -> Json:
    findings: dict[Identity, Json] = {}
    for document in documents:
        for finding in document["findings"]:
            identity = _identity(finding)
            known = findings.setdefault(identity, finding)
            if _better(finding, known):
                findings[identity] = finding
    orders = _united(documents, "order_hashes")
    states = _united(documents, "state_hashes")
    schedules = sum(document["schedules"] for document in documents)
    reasons = [reason for document in documents for reason in document.get("reasons", ())]
    if missing:
        reasons.append("missing shards: " + ", ".join(f"{each}/{count}" for each in missing))
    return {
        **{key: first[key] for key in first if key in _OF_THE_SEARCH},
        "schedules": schedules,
        "redundant": sum(document.get("redundant", 0) for document in documents),
        "orders": len(orders),
        "states": len(states),
        "unseen": round(sum(1 for seen in orders.values() if seen == 1) / max(1, schedules), 6),
        "exhausted": not missing and all(document["exhausted"] for document in documents),
        "outcome": _outcome(documents, findings, missing),
        "reasons": list(dict.fromkeys(reasons)),
        "findings": list(findings.values()),
        "seconds": round(sum(document.get("seconds", 0.0) for document in documents), 3),
        "shard": "1/1",
        "merged": len(documents),
        "missing": missing,
        "random_numbers": any(document.get("random_numbers") for document in documents),
        "order_hashes": orders,
        "state_hashes": states,
    }


def _united(documents: list[Json], key: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for document in documents:
        for name, seen in document.get(key, {}).items():
            found[name] = found.get(name, 0) + seen
    return found


def _outcome(documents: list[Json], findings: dict[Identity, Json], missing: list[int]) -> str:
    if any(finding.get("counts", True) for finding in findings.values()):
        return "failed"
    for outcome in ("hung", "diverged"):
        if any(document["outcome"] == outcome for document in documents):
            return outcome
    if missing or any(document["outcome"] == "incomplete" for document in documents):
        return "incomplete"
    return "passed"
