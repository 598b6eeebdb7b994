"""The catalogue: every page is whole, and what it promises is seen with the defect only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from multiprocessing.pool import AsyncResult

import pytest

from lockcheck import Checker
from rtnl_model.cli.main import main
from rtnl_model.iproute import parse_script
from rtnl_model.kernel.assembly import assemble
from rtnl_model.kernel.fixes import FIXES
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.links import LinkDriver
from rtnl_model.kernel.links.veth import Veth
from rtnl_model.kernel.netdevice import UnregHead
from rtnl_model.kernel.overlay import Fix, Overlay
from rtnl_model.kernel.regime import REGIMES
from rtnl_model.kernel.rtnl_link_ops import RtnlLinkOps
from rtnl_model.lab.bug_check import check_entry
from rtnl_model.lab.bugs import Entry
from rtnl_model.lab.bugs.no_page import NO_PAGE
from rtnl_model.lab.catalogue import UnknownBug, applied, entries, entry, listing
from rtnl_model.lab.check_result import CheckResult
from rtnl_model.lab.model_run import ModelSetting, Recorded, record
from tests import apart
from tests.conftest import seed_of

RUN = [e for e in entries() if e.search != "explore"]
EXPLORED = [e for e in entries() if e.search == "explore"]
QUICK = {"lost-wakeup", "G.13"}
"""Explored in every run of the suite; `RTNL_MODEL_CATALOGUE=all` does all (minutes)."""
ALL = os.environ.get("RTNL_MODEL_CATALOGUE") == "all"


def name(value: object) -> str:
    """Of a page."""
    return value.id if isinstance(value, Entry) else str(value)


def checked(page: str, seed: int) -> CheckResult:
    """A page by its id, for another process."""
    return check_entry(entry(page), seed=seed)


Checks = dict[str, AsyncResult[CheckResult]]


@pytest.fixture(scope="module")
def run_checks() -> Checks:
    """Each page whose scenario is run is being checked."""
    return {page.id: apart.start(checked, page.id, 0) for page in RUN}


@pytest.fixture(scope="module")
def explored_checks(request: pytest.FixtureRequest) -> Checks:
    """Each page that is explored now is being checked."""
    return {
        page.id: apart.start(checked, page.id, seed_of(request.config))
        for page in EXPLORED
        if page.id in QUICK or ALL
    }


@pytest.mark.parametrize("page", RUN, ids=name)
def test_a_page_is_confirmed(page: Entry, run_checks: Checks) -> None:
    """The scenario shows the promised finding, and its twin is clean."""
    result = apart.result(run_checks[page.id])

    assert result.confirmed, str(result)


@pytest.mark.parametrize("page", EXPLORED, ids=name)
def test_an_interleaving_is_found_and_its_twin_is_clean(
    page: Entry, seed: int, explored_checks: Checks
) -> None:
    """The explorer finds the promised finding; as many schedules of the twin are clean."""
    if page.id not in explored_checks:
        pytest.skip("RTNL_MODEL_CATALOGUE=all explores every page")

    result = apart.result(explored_checks[page.id])

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


def test_an_overlay_of_a_file_that_the_kernel_lacks_is_refused() -> None:
    """A seeded bug that would change nothing is a mistake: the kernel says so."""
    overlay = Fix("test", "", "", {"links.veth": Veth, "dev": Veth})

    with pytest.raises(ValueError, match="overlay test: no kernel file dev"):
        assemble(Checker(), overlays=[overlay])


@pytest.mark.parametrize("page", [e for e in entries() if e.classes], ids=name)
def test_an_override_takes_the_place_of_a_part_of_the_kernel(page: Entry) -> None:
    """Each slot of an entry is one that the kernel composes."""
    slots = assemble(Checker()).slots

    for slot in page.classes:
        assert slot in slots or slot.startswith("links."), slot


def test_every_fix_of_pernet_has_a_page() -> None:
    """What `pernet` mends can be taken out by `--bug`, and is then found."""
    assert {fix.id for fix in FIXES} <= {e.id for e in entries()}


def test_every_patch_of_the_series_has_a_page_or_a_reason() -> None:
    """Fourteen patches; each has a page, or the reason why it has none."""
    told = {e.id for e in entries()} | set(NO_PAGE)

    assert {f"patch-{n}" for n in range(1, 15)} <= told
    assert not NO_PAGE.keys() & {e.id for e in entries()}
    with pytest.raises(UnknownBug, match="patch-2 has no page: 49c26d4bf1da"):
        entry("patch-2")


def test_the_list_tells_which_patch_has_no_page(capsys: pytest.CaptureFixture[str]) -> None:
    """`rtnl-model bugs` ends with the patches that break nothing when they are left out."""
    status = main(["bugs"])
    told = capsys.readouterr().out.splitlines()

    assert status == 0
    assert len(told) == len(entries()) + len(NO_PAGE)
    assert told[-1].split()[:3] == ["patch-2", "no", "page"]


class OneListEach(RtnlLinkOps):
    """rtnl_link_unregister before 49c26d4bf1da, with patch 7's line in its place."""

    def rtnl_link_unregister_nets(self, ops: LinkDriver) -> None:
        """A list and a call for every namespace."""
        k = self.k
        for net in k.net_namespace.for_each_net_exclusive():
            list_kill = UnregHead("list_kill")
            k.rtnl.rtnl_net_lock_nested(net)
            try:
                for dev in net.dev_list():
                    if dev.rtnl_link_ops is ops:
                        ops.dellink(dev, list_kill)
                k.dev.unregister_netdevice_queue_many_net(net, list_kill)
            finally:
                k.rtnl.rtnl_net_unlock_nested(net)
            k.dev.unregister_netdevice_many(list_kill)


class WithoutPatch2(ModelSetting):
    """The same kernel, one patch older."""

    def kernel(self, chk: Checker, overlays: Sequence[Overlay] = ()) -> Kernel:
        """With the override on top."""
        older = Fix("patch-2", "left out", "", {"rtnl_link_ops": OneListEach})
        return super().kernel(chk, (*overlays, older))


UNLOADED = """
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link add end2 type veth peer name end3
ip -n right link add upp0 link end1 type ipvlan mode l2
ip -n left link add upp1 link end1 link-netns right type ipvlan mode l2
"""


@pytest.mark.parametrize("kind", ["veth", "ipvlan"])
@pytest.mark.parametrize("rtnl", ["global", "small", "pernet"])
def test_without_patch_2_nothing_breaks(rtnl: str, kind: str) -> None:
    """The same devices go, in one batch or in several, and nothing is found."""
    script = parse_script(UNLOADED + f"rmmod {kind}", "test", strict=False)
    with_it = record(script, ModelSetting(rtnl=rtnl))
    without = record(script, WithoutPatch2(rtnl=rtnl))

    assert with_it.document["ops"][-1]["devices"] == without.document["ops"][-1]["devices"]
    assert (with_it.findings, without.findings) == ([], [])
    if rtnl == "global" and kind == "ipvlan":
        assert batches(without) > batches(with_it), "the older kernel was there"


def batches(recorded: Recorded) -> int:
    """Calls of unregister_netdevice_many_notify in the last op."""
    trace = recorded.document["ops"][-1]["trace"]
    return sum(1 for line in trace if line["fn"] == "unregister_netdevice_many_notify")


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
