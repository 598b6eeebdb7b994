"""A token is one line that holds everything; a schedule is text; a wrong one is refused."""

from __future__ import annotations

import random

import pytest

from lockcheck.explore import schedule
from lockcheck.explore.schedule import decode, encode, segments_of, switches_of
from lockcheck.explore.token import Token, TokenError
from lockcheck.seam import Choice


def some_record(rng: random.Random) -> list[int]:
    return [rng.choice((0, 0, 2, 2, 2, 4, 5, 3, -1, -2)) for _ in range(rng.randint(0, 40))]


def some_token(rng: random.Random) -> Token:
    record = tuple(some_record(rng))
    checks = tuple(rng.randrange(1 << 16) for _ in range(len(segments_of(record)) + 1))
    return Token({"kind": "function", "file": "a.py", "n": rng.random()}, record, checks, ("rtnl",))


def test_a_schedule_reads_back(seed: int) -> None:
    """encode and decode are inverse."""
    rng = random.Random(seed)
    for _ in range(200):
        record = some_record(rng)

        assert decode(encode(record)) == record


def test_a_schedule_is_run_lengths() -> None:
    """As documented: threads with counts, timers, values."""
    assert encode([0, 0, 0, 2, 5, -2, 0]) == "0x3.1.2t.c1.0"
    assert encode([]) == "-"
    assert switches_of([0, 0, 2, 2, -1, 0]) == 2


@pytest.mark.parametrize("text", ["", "x", "1x", "0x2..1", "1y2", "0x99999999999", "c", "-1"])
def test_a_wrong_schedule_is_refused(text: str) -> None:
    """With a ValueError that shows the segment."""
    with pytest.raises(ValueError):
        decode(text)


def test_a_token_reads_back(seed: int) -> None:
    """From its line, and from its file."""
    rng = random.Random(seed)
    for _ in range(50):
        token = some_token(rng)

        assert Token.parse(str(token)) == token
        assert Token.parse(token.to_file()) == token


def test_a_token_needs_no_quotes(seed: int) -> None:
    """A shell passes it on as it is."""
    rng = random.Random(seed)
    for _ in range(50):
        text = str(some_token(rng))

        assert set(text) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"
        )


def test_every_changed_character_is_noticed(seed: int) -> None:
    """A token that was cut or mistyped is refused, not run."""
    rng = random.Random(seed)
    text = str(some_token(rng))
    for at in range(len(text)):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises(TokenError):
            Token.parse(changed)
        with pytest.raises(TokenError):
            Token.parse(text[:at])


@pytest.mark.parametrize("text", ["", "{", '{"token": 5}', "v2/0/abc/12345678", "[]"])
def test_what_is_no_token_is_refused(text: str) -> None:
    """Never another exception."""
    with pytest.raises(TokenError):
        Token.parse(text)


def test_the_default_goes_on_then_takes_the_first_then_a_timer() -> None:
    """What happens where nothing is written."""
    first, second, third = (Choice.go(thread) for thread in range(3))
    timer = Choice.fire(0)

    assert schedule.default([first, second, third], second) == second
    assert schedule.default([timer, second, third], Choice.go(3)) == second
    assert schedule.default([timer, Choice.fire(1)], None) == timer
