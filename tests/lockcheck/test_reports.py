"""Reports as values: names, fingerprints, reasons."""

from __future__ import annotations

import functools
from collections.abc import Callable

import lockcheck
from lockcheck.core.report import CLASS_ONLY
from tests.lockcheck.threads import in_turn, kinds


def test_names_come_from_what_a_lock_is_assigned_to() -> None:
    """A lock without a name is known by its attribute, not by its line."""
    chk = lockcheck.Checker()

    class Account:
        def __init__(self) -> None:
            self.guard = chk.Lock()

    def make() -> lockcheck.Checker:
        return chk.Lock()

    first, second = Account(), make()

    assert first.guard.cls.name.endswith("Account.__init__.guard")
    assert second.cls.name.endswith(".second")


def test_a_fingerprint_survives_a_line_shift_and_another_order() -> None:
    """The same program moved down the file, run the other way round: the same fingerprint."""
    source = (
        "def up(a, b):\n    with a:\n        with b: pass\n"
        "def down(a, b):\n    with b:\n        with a: pass\n"
    )
    prints = set()
    for shift, order in [("", ("up", "down")), ("\n" * 40, ("down", "up"))]:
        space: dict[str, Callable[..., None]] = {}
        exec(compile(shift + source, "program.py", "exec"), space)
        chk = lockcheck.Checker()
        a, b = chk.Lock("a"), chk.Lock("b")
        in_turn(chk, *(functools.partial(space[name], a, b) for name in order))
        prints |= {report.fingerprint for report in chk.reports}

    assert len(prints) == 1


def test_one_thread_alone_is_told_but_does_not_count() -> None:
    """class-only: listed, with the reason."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")
    with a, b:
        pass
    with b, a:
        pass

    assert kinds(chk) == [("circular", CLASS_ONLY)]
    assert "one thread" in chk.reports[0].reason


def test_a_reporter_leaves_its_own_frames_out() -> None:
    """What checks for others is not where it went wrong; alone it is better than nothing."""
    chk = lockcheck.Checker()
    own = compile(
        "def check(chk):\n    chk.report('warn', 'a', reporter=__file__)\n", "own.py", "exec"
    )
    space: dict[str, Callable[[lockcheck.Checker], None] | str] = {"__file__": "own.py"}
    exec(own, space)
    check = space["check"]
    assert callable(check)
    check(chk)
    chk.report("warn", "b", reporter=__file__)

    first, second = (report.stacks[0][2].frames()[0] for report in chk.reports)
    assert first.function == "test_a_reporter_leaves_its_own_frames_out"
    assert second.file != __file__
