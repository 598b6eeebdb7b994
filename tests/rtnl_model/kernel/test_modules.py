"""Modules register and unregister what they have in their own order."""

from __future__ import annotations

import pytest

from rtnl_model.kernel.links import LinkDriver
from rtnl_model.kernel.modules import Modules
from rtnl_model.kernel.overlay import Fix

from .builders import rules, running


@pytest.mark.parametrize(
    ("kind", "coming", "going"),
    [
        ("netkit", ["link", "notifier"], ["notifier", "link"]),
        ("ipvlan", ["notifier", "pernet", "link"], ["link", "pernet", "notifier"]),
        ("bareudp", ["pernet", "link"], ["link", "pernet"]),
        ("macvlan", ["notifier", "link"], ["link", "notifier"]),
    ],
)
def test_each_module_has_its_own_order(kind: str, coming: list[str], going: list[str]) -> None:
    """As its module_init and module_exit in Linux."""
    steps: list[str] = []

    class Noting(Modules):
        def register_pernet(self, name: str, driver: LinkDriver) -> None:
            if name == kind and driver.pernet is not None:
                steps.append("pernet")
            super().register_pernet(name, driver)

        def register_notifier(self, name: str, driver: LinkDriver) -> None:
            if name == kind and driver.has_notifier:
                steps.append("notifier")
            super().register_notifier(name, driver)

        def register_link(self, name: str, driver: LinkDriver) -> None:
            if name == kind:
                steps.append("link")
            super().register_link(name, driver)

        def unregister_pernet(self, name: str, driver: LinkDriver) -> None:
            if name == kind and driver.pernet is not None:
                steps.append("pernet")
            super().unregister_pernet(name, driver)

        def unregister_notifier(self, name: str, driver: LinkDriver) -> None:
            if name == kind and driver.has_notifier:
                steps.append("notifier")
            super().unregister_notifier(name, driver)

        def unregister_link(self, name: str, driver: LinkDriver) -> None:
            if name == kind:
                steps.append("link")
            super().unregister_link(name, driver)

    with running(
        "small", kinds=("dummy",), overlays=[Fix("test", "", "", {"modules": Noting})]
    ) as k:
        k.modprobe(kind)

        assert steps == coming

        steps.clear()
        k.rmmod(kind)

        assert steps == going
        assert rules(k) == []
