"""The list of marked devices behind linkwatch and netdev_work."""

from __future__ import annotations

import pytest

import lockcheck
from rtnl_model.kernel.assembly import assemble
from rtnl_model.kernel.marks import Mark, Marks


@pytest.mark.timeout(20)
def test_a_mark_that_can_wait_is_served_when_a_second_has_passed() -> None:
    """Once: the next one waits again."""
    k = assemble(lockcheck.Checker(), "pernet").start()
    marks = Marks(k, "marks", "kworker/0:9", lambda: None)

    def add() -> bool:
        marks.add(Mark(k.init_net.loopback_dev, None), urgent=False)
        return bool(marks.parking.peek(lambda: marks.scheduled or marks.running))

    marks.started = True  # no worker: what is scheduled stays so
    first = add()
    marks.rest()
    rested = add()
    taken = marks.take()
    marks.parking.change(lambda: setattr(marks, "scheduled", False))
    after = add()
    marks.take()
    k.shutdown()

    assert (first, rested, len(taken), after) == (False, True, 2, False)


@pytest.mark.timeout(20)
def test_who_waits_for_rest_is_not_left_with_a_mark_that_can_wait() -> None:
    """Serving a mark makes another that is not urgent; nobody else would ever serve it."""
    k = assemble(lockcheck.Checker(), "pernet").start()
    dev = k.init_net.loopback_dev
    served: list[Mark] = []

    def serve() -> None:
        taken = marks.take()
        served.extend(taken)
        if len(served) == 1:
            marks.add(Mark(dev, None), urgent=False)

    marks = Marks(k, "marks", "kworker/0:9", serve)
    marks.add(Mark(dev, None), urgent=False)
    marks.wait_idle()
    marks.stop()
    k.shutdown()

    assert len(served) == 2
