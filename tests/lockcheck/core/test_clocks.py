"""What one thread knows of others: few numbers, however many have come and gone."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from lockcheck.core import clocks
from lockcheck.core.engine import Engine
from lockcheck.core.vector import NOTHING_KNOWN, Clock

from .stub import Threads

THREADS = 14
LAST = 5
"""The epoch in which each of these threads ends."""
Plain = tuple[int, ...]
"""The same as a `Clock`, said at length: the epoch known of each thread."""


def pairs(chance: random.Random) -> Iterator[tuple[Clock, Plain]]:
    """Clocks that were made from each other, with what each must say."""
    found: list[tuple[Clock, Plain]] = [(NOTHING_KNOWN, (0,) * THREADS)]
    for _ in range(60):
        (one, first), (other, second) = chance.choice(found), chance.choice(found)
        serial, epoch = chance.randrange(THREADS), chance.randint(1, LAST - 1)
        at = (slice(serial), slice(serial + 1, None))
        match chance.choice(("after", "after", "end", "merged", "common")):
            case "after":
                most = max(first[serial], epoch)
                found.append((one.after(serial, epoch), (*first[at[0]], most, *first[at[1]])))
            case "end":
                found.append((one.after_end(serial), (*first[at[0]], LAST, *first[at[1]])))
            case "merged":
                both = zip(first, second, strict=True)
                found.append((one.merged(other), tuple(max(pair) for pair in both)))
            case "common":
                both = zip(first, second, strict=True)
                found.append((one.common(other), tuple(min(pair) for pair in both)))
    yield from found


@pytest.mark.parametrize("number", range(20))
def test_a_clock_says_what_a_list_of_all_epochs_says(number: int) -> None:
    """Whatever was added and joined; an end that is known says every epoch."""
    chance = random.Random(number)
    found = list(pairs(chance))
    for clock, plain in found:
        assert tuple(min(LAST, clock.get(serial)) for serial in range(THREADS)) == plain
    for (one, first), (other, second) in zip(found, chance.sample(found, len(found)), strict=True):
        but = chance.randrange(THREADS)
        all_known = all(
            a >= b for at, (a, b) in enumerate(zip(first, second, strict=True)) if at != but
        )
        if second[but] < LAST:
            assert one.covers(other, but=but) == all_known


def test_who_joins_threads_that_others_started_knows_them_in_few_numbers() -> None:
    """As a reaper does: hundreds have come and gone, and some have not."""
    engine = Engine()
    states = Threads(engine)
    reaper, starter = states.new("reaper"), states.new("starter")
    ended = []
    for number in range(300):
        child = states.new("child", starter)
        if number % 100:
            engine.thread_end(child)
            ended.append((child.serial, child.epoch))
            engine.happens.learn(reaper, clocks.of_end(child))

    assert len(reaper.vc) < 10
    assert all(epoch <= reaper.vc.get(serial) for serial, epoch in ended)
    assert sum(reaper.vc.get(serial) > starter.epoch for serial in range(1, 400)) == len(ended)
