"""A schedule in columns fits the terminal, whatever there is to show."""

from __future__ import annotations

import pytest

from lockcheck.render.columns import columns
from lockcheck.render.step_words import VERBS, recorded_step
from lockcheck.seam import Kind

STEPS = [
    (0, "T0 begin begin"),
    (3, "T3 acquire &net->rtnl_mutex(ns1)"),
    (3, "T3 release a"),
    (-1, "chose 1"),
    (0, "T0 wait something with a very long name that has to be cut"),
]
NAMES = ["main", "idle 1", "idle 2", "kworker/ns1", "idle 3"]


@pytest.mark.parametrize("width", [20, 30, 60, 80, 120, 300])
@pytest.mark.parametrize("threads", [2, 5, 30])
def test_no_line_is_wider_than_the_terminal(width: int, threads: int) -> None:
    """Few threads or many, a narrow terminal or a wide one."""
    steps = [*STEPS, *((n, f"T{n} acquire lock {n}") for n in range(threads))]
    text = columns(steps, [f"thread {n}" for n in range(threads)], width=width)

    assert len(steps) <= len(text.splitlines())
    assert max(map(len, text.splitlines())) <= width


def test_who_does_nothing_has_no_column() -> None:
    """Only the threads with a step are in the head, each operation in its thread's column."""
    head, _rule, *rows = columns(STEPS, NAMES, width=100).splitlines()

    assert head.split() == ["step", "main", "kworker/ns1"]
    assert "> begins" in rows[0]
    assert rows[1].index("> takes") == head.index("kworker")
    assert rows[2].index("releases a") == head.index("kworker")


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ("T1 begin begin", "begins"),
        ("T0 spawn end of worker", "starts worker"),
        ("T0 wait end of worker", "joins worker"),
        ("T1 release end of worker", "ends"),
        ("T1 rmw net ns1", "updates net ns1"),
        ("T1 wait timer queue", "time is up: waits for queue"),
    ],
)
def test_a_step_reads_as_a_sentence(recorded: str, words: str) -> None:
    """What a schedule records is said in a reader's words."""
    assert recorded_step(recorded) == words


def test_every_operation_has_its_words() -> None:
    """No kind of the vocabulary is missing."""
    assert {kind.name.lower() for kind in Kind} == set(VERBS)


def test_the_environment_s_width_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS is respected."""
    monkeypatch.setenv("COLUMNS", "44")

    assert max(map(len, columns(STEPS, NAMES).splitlines())) <= 44


def test_a_name_cannot_move_the_cursor() -> None:
    """Control characters of thread names are written out."""
    assert "\x1b" not in columns([(0, "T0 acquire \x1b[2J")], ["\x1b[2J"], width=80)
