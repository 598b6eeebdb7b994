"""A race on the page: accesses in rows, an order in columns, and only text where data are odd."""

from __future__ import annotations

from typing import Any

import pytest

from lockcheck.render.html_accesses import accesses_html, order_html

ACCESS = {"thread": "T<1>", "file": "/a/bank.py", "line": 3, "source": "x += 1", "access": "write",
          "held": []}  # fmt: skip
STEP = {"thread": "T<1>", "column": 1, "file": "/a/bank.py", "line": 3, "source": "x += 1",
        "what": "[read] x"}  # fmt: skip


def race(**data: object) -> dict[str, Any]:
    return {"detail": "x\n  T1 bank.py:3\n\nto see more: explore", "data": {"field": "x", **data}}


def test_accesses_stand_in_rows_and_the_rest_stays_text() -> None:
    """One row an access, names escaped; the text beside them is not repeated."""
    table, rest = accesses_html(race(accesses=[ACCESS, {**ACCESS, "held": ["lock#1"]}]))

    assert table.count("<tr>") == 3
    assert "T&lt;1&gt;" in table
    assert "bank.py:3" in table
    assert "nothing" in table
    assert "lock#1" in table
    assert rest == "to see more: explore"


def test_an_order_has_a_column_a_thread() -> None:
    """A step stands in its thread's column; the other column is empty there."""
    steps = [STEP, {**STEP, "thread": "T2", "column": 2, "what": "[write] x"}]
    table, rest = order_html(race(order=steps), "said\nthe order that shows it:\n  ...")

    assert table.count('<th scope="col">') == 3
    assert "<td class=mono></td><td class=mono>x += 1  [write] x</td>" in table
    assert rest == "said"


@pytest.mark.parametrize(
    "data",
    [{}, {"accesses": 3}, {"accesses": [3]}, {"accesses": [{}]}, {"accesses": [{**ACCESS}, None]}],
)
def test_odd_data_are_left_to_the_text(data: dict[str, object]) -> None:
    """What somebody has edited breaks nothing: the finding's own text is shown."""
    found = race(**data)

    assert accesses_html(found) == ("", found["detail"])


@pytest.mark.parametrize(
    "order", [None, "x", [1], [{**STEP, "column": "1"}], [{"column": 1, "what": ""}]]
)
def test_an_odd_order_is_left_to_the_text(order: object) -> None:
    """As above, for orders; and a finding whose data are no object."""
    assert order_html(race(order=order), "text") == ("", "text")
    assert accesses_html({"data": [1], "detail": "text"}) == ("", "text")
