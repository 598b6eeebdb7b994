"""Wakeup trees: what must be tried is asked for once, and all of it."""

from __future__ import annotations

from lockcheck.explore.conflict import LOOK, WRITE
from lockcheck.explore.node import Named, Wish, insert
from lockcheck.seam import Choice

A, B, C = Choice.go(0), Choice.go(1), Choice.go(2)
"""Choices: three threads go."""


def step(choice: Choice, *touches: tuple[str, int]) -> Wish:
    return Wish(choice, choice.thread, touches)


def shape(wishes: dict[Choice, Wish]) -> dict[int, object]:
    """A tree's choices alone."""
    return {choice: shape(wish.then) for choice, wish in wishes.items()}


def asked(*orders: list[Wish], event: Named = (("e", WRITE),)) -> dict[int, object]:
    """The tree of these orders, asked for one after the other in the place of `event`."""
    wishes: dict[Choice, Wish] = {}
    for order in orders:
        insert(wishes, list(wishes.values()), order, event)
    return shape(wishes)


def test_an_order_is_asked_for_as_a_whole() -> None:
    """One branch, choice by choice."""
    assert asked([step(A, ("x", WRITE)), step(B, ("e", WRITE))]) == {A: {B: {}}}


def test_the_same_order_of_what_conflicts_is_asked_for_once() -> None:
    """Operations that do not conflict may come either way round."""
    x, y, e = step(A, ("x", WRITE)), step(B, ("y", WRITE)), ("e", WRITE)

    assert asked(
        [x, y, step(C, e)], [step(B, ("y", WRITE)), step(A, ("x", WRITE)), step(C, e)]
    ) == {A: {B: {C: {}}}}


def test_another_order_of_what_conflicts_is_another_branch() -> None:
    """Two writes of one thing."""
    first = [step(A, ("x", WRITE)), step(B, ("x", WRITE), ("e", WRITE))]
    second = [step(B, ("x", WRITE)), step(A, ("x", WRITE), ("e", WRITE))]

    assert asked(first, second) == {A: {B: {}}, B: {A: {}}}


def test_orders_part_where_they_begin_to_differ() -> None:
    """What they have in common is there once."""
    one = [step(A, ("x", WRITE)), step(B, ("x", WRITE)), step(C, ("e", WRITE))]
    other = [step(A, ("x", WRITE)), step(C, ("x", LOOK), ("e", WRITE))]

    assert asked(one, other) == {A: {B: {C: {}}, C: {}}}


def test_after_a_wish_that_wakes_the_sleeper_any_order_is_tried() -> None:
    """It conflicts with what it goes in the place of, so nothing more is asked for."""
    assert asked([step(A, ("e", WRITE))], [step(A, ("e", WRITE)), step(B, ("e", WRITE))]) == {A: {}}


def test_after_one_that_does_not_the_rest_is_asked_for() -> None:
    """Who slept would sleep on, and keep the rest from being tried."""
    assert asked([step(A, ("x", WRITE))], [step(A, ("x", WRITE)), step(B, ("e", WRITE))]) == {
        A: {B: {}}
    }


def test_things_without_a_lasting_name_may_be_one_and_the_same() -> None:
    """They are taken to conflict where that asks for more, and not where it would ask for less."""
    one = [step(A, ("", WRITE)), step(B, ("e", WRITE))]
    other = [step(B, ("", WRITE)), step(A, ("", WRITE)), step(C, ("e", WRITE))]

    assert asked(one, other) == {A: {B: {}}, B: {A: {C: {}}}}
