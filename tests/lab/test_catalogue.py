"""The catalogue: every page is whole, and what it promises is seen with the defect only."""

from __future__ import annotations

import os

import pytest

from rtnl_model.kernel.fixes import FIXES
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.regime import REGIMES
from rtnl_model.lab.bugs import Entry
from rtnl_model.lab.catalogue import UnknownBug, applied, check, entries, entry, listing

EXPLORED = [e for e in entries() if e.search == "explore"]
QUICK = {"lost-wakeup", "G.13"}
"""Explored in every run of the suite; `RTNL_MODEL_CATALOGUE=all` does all (minutes)."""
ALL = os.environ.get("RTNL_MODEL_CATALOGUE") == "all"


def name(value: object) -> str:
    """Of a page."""
    return value.id if isinstance(value, Entry) else str(value)


@pytest.mark.parametrize("page", [e for e in entries() if e.search != "explore"], ids=name)
def test_a_page_is_confirmed(page: Entry) -> None:
    """The scenario shows the promised finding, and its twin is clean."""
    result = check(page)

    assert result.confirmed, str(result)


@pytest.mark.parametrize("page", EXPLORED, ids=name)
def test_an_interleaving_is_found_and_its_twin_is_clean(page: Entry, seed: int) -> None:
    """The explorer finds the promised finding; as many schedules of the twin are clean."""
    if page.id not in QUICK and not ALL:
        pytest.skip("RTNL_MODEL_CATALOGUE=all explores every page")

    result = check(page, seed=seed)

    assert result.confirmed, str(result)
    assert result.token.startswith("v1/")


@pytest.mark.parametrize("page", entries(), ids=name)
def test_a_page_tells_its_story(page: Entry) -> None:
    """Title, what, interleaving, symptom and source are there; setting and finding make sense."""
    for told in (page.title, page.what, page.interleaving, page.symptom, page.source):
        assert len(told) > 8
        assert told == told.strip()
    assert page.setting.regime in REGIMES
    assert page.expected
    assert "ip " in page.scenario


@pytest.mark.parametrize("page", [e for e in entries() if e.classes], ids=name)
def test_an_override_takes_the_place_of_a_part_of_the_kernel(page: Entry) -> None:
    """Each slot of an entry is one that the kernel composes."""
    slots = {"probe", "regime", "events", "rcu", "notifier", "lock_debug", "pernet", "rtnl_work",
             "dev", "linkwatch", "inet", "net_namespace", "rtnetlink"}  # fmt: skip

    for slot in page.classes:
        assert slot in slots or slot.startswith("links."), slot
    assert hasattr(Kernel, "compose")


def test_every_fix_of_pernet_has_a_page() -> None:
    """What `pernet` mends can be taken out by `--bug`, and is told."""
    assert {fix.id for fix in FIXES} <= {e.id for e in entries()}


def test_ids_are_unique() -> None:
    """No two pages share an id."""
    ids = [e.id for e in entries()]

    assert sorted(set(ids)) == sorted(ids)


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    """A typing error names the bug that was meant."""
    with pytest.raises(UnknownBug, match="veth-no-exchange"):
        entry("veth-no-exchang")


def test_a_fix_is_left_out_and_an_override_put_in() -> None:
    """`--bug` means one or the other."""
    both = applied(["G.13", "patch-8"])

    assert tuple(e.id for e in both.overlays) == ("patch-8",)
    assert frozenset({"G.13"}) == both.without


def test_the_listing_has_the_documented_fields() -> None:
    """id, title, regime, scenario, finding, kind; nothing else."""
    rows = listing()

    assert rows
    for row in rows:
        assert list(row) == ["id", "title", "regime", "scenario", "finding", "kind"]
        assert row["kind"] in ("patch", "hazard", "known", "candidate", "fix")
