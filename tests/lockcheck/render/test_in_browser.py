"""The report page in a real browser: it draws, it fits, its search narrows, nothing complains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lockcheck.render.folder import write_folder
from tests.lockcheck.render.browser import chromium, probe
from tests.lockcheck.render.graphs import large_graph
from tests.lockcheck.render.reports import finding, ring

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")

LOOK = """
const sections = all('section').map(s => s.id), wide = {}, out = {};
for (const id of sections) {
  show(id);
  wide[id] = document.documentElement.scrollWidth - document.documentElement.clientWidth;
}
show('graph');
one('#what').value = 'all'; one('#what').dispatchEvent(new Event('input'));
const field = one('#graph input[type=search]'), before = all('#lockgraph .node').length;
field.value = 'module_3.lock_3'; field.dispatchEvent(new Event('input'));
const after = all('#lockgraph .node').length;
const named = all('#lockgraph .node.hit').length;
const box = one('#lockgraph').getBoundingClientRect();
show('edges');
const rows = () => all('#edges tbody tr').length, all_rows = rows();
const find = one('#edges input[type=search]');
find.value = 'nothing has this name'; find.dispatchEvent(new Event('input'));
const none = rows();
find.value = ''; find.dispatchEvent(new Event('input'));
const head = one('#edges th button');
head.focus();
const focused = document.activeElement === head;
head.click();
const sorted = one('#edges th').getAttribute('aria-sort');
show('timeline');
const canvas = one('#timeline canvas'), dots = canvas.getContext('2d')
  .getImageData(0, 0, canvas.width, canvas.height).data;
const colours = new Set();
for (let i = 0; i < dots.length; i += 4 * 97) colours.add(dots.slice(i, i + 3).join());
show('findings');
const cards = () => all('article.card:not(.gone)').length, all_cards = cards();
const words = one('#findings input[type=search]');
words.value = 'zebra'; words.dispatchEvent(new Event('input'));
return {inner: innerWidth, wide, before, after, named, box: [box.width, box.height],
  all_rows, none, focused, sorted,
  colours: colours.size, all_cards, left: cards(), copy: all('[data-copy]').length,
  background: getComputedStyle(document.body).backgroundColor};
"""


def write_page(folder: Path, size: int) -> Path:
    """A page of `size` classes, two causes and a time line."""
    graph = large_graph(classes=size, edges=size * 3)
    names = [row["name"] for row in graph["classes"]]
    pair = graph["edges"][0]
    a, b = names[pair["from"]], names[pair["to"]]
    findings = [
        finding("circular", ring(a, b), classes=[a, b], replay="v1/0x12/abc/00ff", fingerprint="1"),
        finding("circular", ring(b, a), classes=[a, b], fingerprint="2", severity="class-only"),
        finding("race", title="a zebra is written by two threads", fingerprint="3"),
        finding("leak", title="something else", fingerprint="4", tag="known:G.1"),
    ]
    timeline = {
        "axis": "steps",
        "threads": [{"serial": 1, "name": "T1"}, {"serial": 2, "name": "T2"}],
        "spans": [
            {"kind": kind, "thread": 1 + n % 2, "name": f"span {n}", "from": n, "to": n + 2}
            for n in range(40)
            for kind in ("hold" if n % 3 else "wait",)
        ],
        "arrows": [{"from": 1, "to": 2, "at": 3, "until": 6, "name": "a hand-over"}],
        "dropped": 0,
        "lock_stat": {},
    }
    write_folder(folder, graph, findings, timeline=timeline, run={"seed": 7}, title="a page")
    return folder / "index.html"


@pytest.mark.parametrize(
    ("width", "dark", "size"), [(1440, False, 40), (1024, True, 400), (400, False, 40)]
)
def test_the_page_draws_fits_and_narrows(tmp_path: Path, width: int, dark: bool, size: int) -> None:
    """No console error, no empty picture, no sideways scrolling, and a search that narrows."""
    seen: dict[str, Any] = probe(write_page(tmp_path, size), LOOK, width=width, dark=dark)

    assert width == seen["inner"]
    assert {0} == set(seen["wide"].values()), f"scrolls sideways: {seen['wide']}"
    assert seen["before"] > 1
    assert 0 < seen["named"] <= seen["after"] < seen["before"]
    assert min(seen["box"]) > 20
    assert 0 == seen["none"] < seen["all_rows"]
    assert (seen["focused"], seen["sorted"]) == (True, "ascending")
    assert seen["colours"] > 4
    assert (seen["all_cards"], seen["left"]) == (3, 1)
    assert seen["copy"] == 1
    dark_page = int(seen["background"].split("(")[1].split(",")[0]) < 128
    assert dark is dark_page
