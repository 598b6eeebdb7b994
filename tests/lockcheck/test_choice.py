"""A scheduling choice is a value with a name, and the integer of a recorded schedule."""

from __future__ import annotations

import json
import pickle

from lockcheck.seam import Choice


def test_a_choice_says_which_thread_goes_fires_or_what_the_program_chose() -> None:
    """Each of the three kinds reads back as it was made, from its integer as well."""
    seen = [
        (choice.thread, choice.fires, choice.value, choice.of_program)
        for made in (Choice.go(3), Choice.fire(3), Choice.chose(2))
        for choice in (made, Choice(int(made)))
    ]

    assert (
        seen
        == [(3, False, -1, False)] * 2 + [(3, True, -1, False)] * 2 + [(-1, False, 2, True)] * 2
    )


def test_a_choice_is_the_integer_that_recordings_store() -> None:
    """Recorded schedules of earlier versions stay readable: 2i, 2i+1 and -1-v."""
    choices = [Choice.go(0), Choice.go(5), Choice.fire(5), Choice.chose(0), Choice.chose(7)]

    assert choices == [0, 10, 11, -1, -8]
    assert json.dumps(choices) == "[0, 10, 11, -1, -8]"


def test_a_choice_survives_the_way_to_another_process() -> None:
    """Jobs send schedules to each other: a choice arrives with all that it says."""
    sent = [Choice.go(2), Choice.fire(2), Choice.chose(1)]
    got = pickle.loads(pickle.dumps(sent))

    assert sent == got
    assert [repr(choice) for choice in got] == ["T2", "T2 timer", "chose 1"]
