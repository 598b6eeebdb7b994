"""A search cut into shards is the same search."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.shard import MergeError, merge, parse_shard
from lockcheck.explore.strategies import make_strategy

FILE = str(Path(__file__).with_name("classic_bugs.py"))


def document(
    function: str, strategy: str, shard: tuple[int, int], schedules: int
) -> dict[str, Any]:
    with FunctionSubject(FILE, function) as subject:
        with Session(subject, limits=Limits(schedules=schedules, shrink=False)) as session:
            result = session.explore(make_strategy(strategy, 5, shard=shard), shard=shard)
    told: dict[str, Any] = json.loads(json.dumps(result.to_dict()))
    return told


@pytest.mark.apart
@pytest.mark.parametrize("strategy", ["random", "pct", "pos"])
def test_sampling_shards_are_the_unsharded_sequence(strategy: str) -> None:
    """Three shards of sixty schedules show the orders that sixty schedules show."""
    parts = [document("with_loop", strategy, (i, 3), 60) for i in range(3)]
    joined = merge(parts)

    assert joined["schedules"] == 60
    assert [part["schedules"] for part in parts] == [20, 20, 20]
    if strategy != "pct":  # its change points depend on the longest run that a shard has seen
        with FunctionSubject(FILE, "with_loop") as subject:
            with Session(subject, limits=Limits(schedules=60)) as session:
                whole = session.explore(make_strategy(strategy, 5))
        assert set(joined["order_hashes"]) == {f"{order:x}" for order in whole.coverage.orders}


@pytest.mark.apart
@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
def test_exhaustive_shards_find_every_order(strategy: str) -> None:
    """The union is what one process finds; only all of them together are exhausted."""
    parts = [document("with_loop", strategy, (i, 4), 100_000) for i in range(4)]
    joined = merge(parts)
    with FunctionSubject(FILE, "with_loop") as subject:
        with Session(subject, limits=Limits()) as session:
            whole = session.explore(make_strategy("dpor", 5))

    assert joined["orders"] == len(whole.coverage.orders)
    assert (joined["outcome"], joined["exhausted"]) == ("passed", True)


def test_findings_of_shards_are_joined_by_fingerprint() -> None:
    """Two shards that find the same bug find one bug."""
    parts = [document("abba", "random", (i, 2), 60) for i in range(2)]
    joined = merge(parts)
    prints = [finding["fingerprint"] for finding in joined["findings"]]

    assert joined["outcome"] == "failed"
    assert len(prints) == len(set(prints))


def test_a_tag_tells_findings_of_shards_apart() -> None:
    """A known defect in one shard does not hide a new one of the same fingerprint in another."""
    known, new = (document("abba", "random", (i, 2), 60) for i in range(2))
    (shown,) = [each for each in known["findings"] if each["kind"] == "deadlock"]
    known["findings"] = [{**shown, "counts": False, "data": {"tags": ["known:X"]}}]
    new["findings"] = [{**shown, "data": {}}]
    joined = merge([known, new])

    assert [finding["counts"] for finding in joined["findings"]] == [False, True]
    assert joined["outcome"] == "failed"
    known["findings"][0]["data"] = {"tags": ["one", "two"]}
    new["findings"] = [{**shown, "data": {"tags": ["two", "one"]}}]
    assert len(merge([known, new])["findings"]) == 1


@pytest.mark.parametrize("first", [0, 1])
def test_a_finding_that_one_shard_confirmed_is_confirmed(first: int) -> None:
    """The shard that could not show it again has no token for it, and does not win by that."""
    parts = [document("abba", "random", (i, 2), 60) for i in range(2)]
    (shown,) = [each for each in parts[0]["findings"] if each["kind"] == "deadlock"]
    parts[first]["findings"] = [{**shown, "counts": False, "replay": ""}]
    parts[1 - first]["findings"] = [shown]
    joined = merge(parts)

    assert joined["findings"] == [shown]
    assert joined["outcome"] == "failed"


def test_a_missing_shard_makes_it_incomplete() -> None:
    """And it is named."""
    parts = [document("no_abba", "random", (i, 3), 30) for i in (0, 2)]
    joined = merge(parts)

    assert (joined["outcome"], joined["missing"]) == ("incomplete", [2])
    assert "2/3" in " ".join(joined["reasons"])


def test_results_that_do_not_belong_together_are_refused() -> None:
    """Another seed, the same shard twice, nothing at all."""
    part = document("no_abba", "random", (0, 2), 10)
    other = copy.deepcopy(part)
    other["seed"] = 6
    for wrong in ([part, other], [part, part], []):
        with pytest.raises(MergeError):
            merge(wrong)


def test_a_shard_is_written_i_of_n() -> None:
    """Counting from one."""
    assert parse_shard("3/8") == (2, 8)
    for text in ("0/8", "9/8", "3", "a/b", "3/0", "-1/2"):
        with pytest.raises(ValueError):
            parse_shard(text)
