"""A kernel that is broken on purpose may die of it: a finding there, a defect of ours elsewhere."""

from __future__ import annotations

import pytest

import lockcheck
from rtnl_model.iproute import parse_script
from rtnl_model.iproute.run import BUG_STATUS, ScriptRun
from rtnl_model.kernel.assembly import assemble
from rtnl_model.kernel.dev_queue import DevQueue
from rtnl_model.kernel.netdevice import NetDevice, UnregHead
from rtnl_model.kernel.overlay import Fix

from .builders import running

SCRIPT = "ip link add d type dummy\nip link del d || true\nip link show\n"


class SlotMissing(DevQueue):
    """A table of the driver's has no entry for what it should have."""

    def unregister_netdevice_queue(self, dev: NetDevice, head: UnregHead | None) -> None:
        if dev.name == "d":
            raise KeyError("slot")
        super().unregister_netdevice_queue(dev, head)


BROKEN = Fix("broken", "a table without its entry", "", {"dev_queue": SlotMissing})


def test_a_process_dies_of_an_oops_and_the_run_goes_on() -> None:
    """With a seeded bug: status of a kill, the kernel's line, a finding that says where."""
    with running(kinds=("dummy",), overlays=(BROKEN,)) as k:
        run = ScriptRun(k, parse_script(SCRIPT, "oops"))
        ops = run.run()
        found = [(r.kind, r.severity, r.title) for r in k.chk.reports]
        left = [dev.name for dev in k.init_net.devs]

    assert [op["cmds"][0]["rc"] for op in ops] == [0, BUG_STATUS, 0]
    assert "Oops in unregister_netdevice_queue: KeyError: 'slot'" in ops[1]["kmsg"]
    assert found == [
        ("invariant", "certain", "Oops in unregister_netdevice_queue: KeyError: 'slot'")
    ]
    assert "d" in left


def test_a_service_dies_of_an_oops() -> None:
    """Its thread ends, with a finding and without an exception that nobody expects."""
    with running(kinds=("dummy",), overlays=(BROKEN,)) as k:

        def service(number: int) -> None:
            raise IndexError(f"list {number}")

        thread = k.make_thread(service, "service", 3)
        thread.start()
        k.join(thread)

        assert [r.title for r in k.chk.reports] == ["Oops in service: IndexError: list 3"]
        assert k.chk.failures == []


def test_in_a_sound_kernel_it_is_a_defect_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a finding about the user's locking."""
    with running(kinds=("dummy",)) as k:
        monkeypatch.setattr(k.dev, "unregister_netdevice_queue", lambda *_a: {}["slot"])
        run = ScriptRun(k, parse_script(SCRIPT, "defect"))
        with pytest.raises(KeyError):
            run.run()
        monkeypatch.undo()
        assert k.chk.reports == []


@pytest.mark.parametrize(
    ("regime", "without", "sound"),
    [
        ("global", (), True),
        ("small", (), True),
        ("pernet", (), True),
        ("pernet", ("G.15",), False),
        ("naive", (), False),
    ],
)
def test_which_kernels_are_sound(regime: str, without: tuple[str, ...], sound: bool) -> None:
    """`pernet` with its own fixes is; without one of them it is not."""
    assert assemble(lockcheck.Checker(), regime, without=without).sound is sound
    assert not assemble(lockcheck.Checker(), regime, overlays=(BROKEN,)).sound
