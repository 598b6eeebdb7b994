"""What hunts found and what turned out to be ours stays mended; known defects keep their tags."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rtnl_model.iproute import parse_script
from rtnl_model.kernel import links
from rtnl_model.lab.explore import ExploreOptions, explore
from rtnl_model.lab.model_run import ModelSetting, link_kinds

TAP_ON_A_TAP_THAT_GOES = """
ip netns add ns1; ip netns add ns2
ip -n ns2 link add dm0 type dummy
ip -n ns1 link add mp2 link dm0 link-netns ns2 type macvtap
ip -n ns2 link del dm0 & ip -n ns1 link add u0 link mp2 type macvtap & wait
"""
LOCKED_BEFORE_ITS_SYSCTL = """
ip netns add ns1; ip netns add ns3
ip -n ns1 link add ts1 type dummy
ip -n ns1 link del ts1 & ip -n ns1 link set ts1 netns ns3 &
( ip -n ns1 link set ts1 mtu 1400; ip netns exec ns1 sysctl net.ipv6.conf.ts1.disable_ipv6=1 ) &
wait
"""
WORK_BEHIND_WORK = """
ip netns add ns1; ip netns add ns2; ip netns add ns3
ip -n ns1 link add vl1 netns ns3 type vxlan id 1 remote 192.0.2.2 dstport 4789
ip -n ns2 link add u0 link vl1 link-netns ns3 type macsec
ip netns del ns1 & ip -n ns3 link set vl1 down & wait
"""
HANDLER_DRAINS = """
ip netns add ns1; ip netns add ns2
ip -n ns1 link add gn1 link-netns ns2 type geneve id 1 remote 192.0.2.2
ip -n ns1 link set gn1 up
ip netns del ns2 & ip netns exec ns1 sysctl net.ipv6.conf.gn1.addr_gen_mode=1 & wait
"""
INDEX_OF_ONE_THAT_MOVES = """
ip netns add ns1; ip netns add ns2; ip netns add ns3
ip -n ns2 link add ve0 type veth peer name ve0p netns ns3
ip -n ns1 link add tv3 netns ns3 type vti local 10.0.2.1 remote 10.0.2.2 key 1
ip -n ns3 link del ve0p & ip -n ns3 link set ve0p netns ns2 & wait
"""
TAP_OF_A_MODULE_THAT_GOES = """
ip netns add ns2
ip -n ns2 link add ve0 type veth peer name ve0p
ip -n ns2 link add u0 link ve0 type ipvtap
rmmod ipvlan & ip -n ns2 link set ve0p mtu 1400 & wait
"""
VLAN_OF_A_NAMESPACE_THAT_GOES = """
ip netns add ns1; ip netns add ns2
ip -n ns2 link add dm0 type dummy
ip -n ns2 link add vn1 link dm0 type vlan id 2
ip -n ns1 link add vn3 link dm0 link-netns ns2 type vlan id 4
ip -n ns2 link set dm0 up
ip netns del ns1 & ip -n ns2 link del dm0 & wait
"""


@pytest.mark.parametrize(
    ("text", "rtnl", "workers", "tags"),
    [
        (TAP_ON_A_TAP_THAT_GOES, "pernet", "netns", set()),
        (LOCKED_BEFORE_ITS_SYSCTL, "pernet", "netns", set()),
        (WORK_BEHIND_WORK, "pernet", "percpu", {"known:G.5", "known:G.17"}),
        (HANDLER_DRAINS, "small", "netns", {"known:G.14", "known:G.15"}),
        (INDEX_OF_ONE_THAT_MOVES, "small", "netns", set()),
        (TAP_OF_A_MODULE_THAT_GOES, "pernet", "netns", set()),
        (VLAN_OF_A_NAMESPACE_THAT_GOES, "small", "netns", set()),
    ],
    ids=["macvtap", "sysctl", "percpu", "geneve", "index", "modules", "vlan"],
)
def test_what_was_judged_stays_so(text: str, rtnl: str, workers: str, tags: set[str]) -> None:
    """No finding counts, and what is found has just the tags of the defects that explain it."""
    setting = ModelSetting(rtnl=rtnl, workers=workers, timing="zero")

    outcome = explore(
        parse_script(text, "judged"), setting, ExploreOptions(schedules=120, seed=5, shrink=False)
    )

    assert [f.report.title for f in outcome.findings if f.counts] == []
    found = {tag for f in outcome.findings for tag in f.report.data.get("tags", ())}
    assert found <= tags
    assert bool(found) == bool(tags)


MODE_OF_TWO_NAMESPACES = """
ip netns add ns1; ip netns add ns2
ip -n ns2 link add dm0 type dummy
ip -n ns1 link add iv2 link dm0 link-netns ns2 type ipvlan
ip -n ns2 link add iv3 link dm0 type ipvlan
ip -n ns2 link set iv3 type ipvlan mode l2 & ip -n ns2 link set dm0 mtu 1400 & wait
"""


@pytest.mark.parametrize(("rtnl", "fixes"), [("small", ("G.25",)), ("pernet", ())])
def test_an_ipvlan_elsewhere_follows_under_its_own_lock(rtnl: str, fixes: tuple[str, ...]) -> None:
    """With the fix of G.25 nothing is found, below a global RTNL too."""
    setting = ModelSetting(rtnl=rtnl, timing="zero", fixes=fixes)

    outcome = explore(
        parse_script(MODE_OF_TWO_NAMESPACES, "mode"),
        setting,
        ExploreOptions(schedules=20, seed=1, shrink=False),
    )

    assert [f.report.title for f in outcome.findings] == []


ON_AN_OWN_DEVICE = """
ip netns add ns2
ip -n ns2 link add dm0 type dummy
ip -n ns2 link add own2 link dm0 type shadow
ip -n ns2 link add ms5 link own2 type macsec
ip -n ns2 link del own2
"""


def test_what_stands_on_a_device_of_an_own_driver_goes_with_it(tmp_path: Path) -> None:
    """Its end was asked for, though nothing here knows when a user's driver ends its devices."""
    page = (Path(links.__file__).parent / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    driver = tmp_path / "shadow.py"
    driver.write_text(code[1], encoding="utf-8")
    setting = ModelSetting(rtnl="pernet", timing="zero", driver_files=(str(driver),))

    outcome = explore(
        parse_script(ON_AN_OWN_DEVICE, "own", kinds=link_kinds(setting)),
        setting,
        ExploreOptions(schedules=3, seed=1, shrink=False),
    )

    assert [f.report.title for f in outcome.findings] == []
