"""Claims about the command line, the tables, the plots and the files."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import __main__ as command
from benchmarks.bench import Refused, Run
from benchmarks.statistic import Figure
from benchmarks.svg import Bar, LinePlot, Point, Series, StackedBars, grid, ticks
from benchmarks.table import Table
from lockcheck.render.atomic_file import write_text


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A benchmark named `planted` whose run() the test sets."""
    module = types.ModuleType("benchmarks.planted")
    module.DESCRIPTION = "planted by a test"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "benchmarks.planted", module)
    monkeypatch.setattr(command, "NAMES", ("planted",))
    return module


class TestCommandLine:
    @pytest.mark.parametrize(
        "argv",
        [
            ["rtnl_scalin"],
            ["--seed", "x"],
            ["--stretch", "0"],
            ["--what"],
            ["--out", "/dev/null/x"],
        ],
    )
    def test_bad_input_is_one_line_and_status_2(
        self, argv: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No traceback, no usage dump, nothing on stdout."""
        assert command.main(argv) == 2

        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("benchmarks: ")

    def test_an_unknown_name_is_answered_with_the_nearest(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A typing error costs one look."""
        command.main(["lock_overhed"])

        assert "lock_overhead" in capsys.readouterr().err

    def test_a_run_writes_results_where_it_was_told(
        self, planted: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """results.json has machine, seed, table and raw numbers; the table is on stdout."""

        def body(run: Run) -> None:
            table = Table("a title", ["what", "value"])
            table.add("x", Figure(2.0, 1.0, 3.0, 5))
            run.table(table)
            run.data("raw", [1, 2, 3])
            run.plot("picture", "<svg/>")

        planted.run = body  # type: ignore[attr-defined]
        assert command.main(["planted", "--out", str(tmp_path), "--seed", "0x10"]) == 0

        results = json.loads((tmp_path / "results.json").read_text())
        section = results["benchmarks"]["planted"]
        assert results["seed"] == 16
        assert results["machine"]["python"]
        assert section["tables"][0]["rows"][0][1]["median"] == 2.0
        assert section["data"]["raw"] == [1, 2, 3]
        assert section["plots"] == ["picture.svg"]
        out = capsys.readouterr().out
        assert "2.00 (1.00–3.00)" in out
        assert "seed 16" in out

    def test_a_refusing_system_is_one_line_and_status_2(
        self, planted: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What the machine cannot do is said, not raised."""

        def body(_run: Run) -> None:
            raise Refused("no more threads")

        planted.run = body  # type: ignore[attr-defined]
        assert command.main(["planted", "--out", str(tmp_path)]) == 2
        assert capsys.readouterr().err == "benchmarks: planted: no more threads\n"

    def test_a_defect_is_status_70_and_the_others_still_count(
        self, planted: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A failure of ours is not taken for the user's."""

        def body(_run: Run) -> None:
            raise ZeroDivisionError

        planted.run = body  # type: ignore[attr-defined]
        assert command.main(["planted", "--out", str(tmp_path)]) == 70
        assert (tmp_path / "results.json").exists()
        assert "ZeroDivisionError" in capsys.readouterr().err

    def test_interrupted_is_130_and_what_is_done_is_written(
        self, planted: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Ctrl-C loses nothing that was complete."""

        def body(run: Run) -> None:
            run.note("so far")
            raise KeyboardInterrupt

        planted.run = body  # type: ignore[attr-defined]
        assert command.main(["planted", "--out", str(tmp_path)]) == 130
        assert "so far" in (tmp_path / "results.json").read_text()

    def test_a_progress_line_appears_on_a_terminal_only(self, tmp_path: Path) -> None:
        """A log file is not filled with control characters."""
        stream = io.StringIO()
        Run(tmp_path, seed=1, stderr=stream).progress("half way")

        assert stream.getvalue() == ""

    def test_seeded_sources_are_apart(self, tmp_path: Path) -> None:
        """The same seed and name give the same numbers, another name others."""
        one, two = (Run(tmp_path, seed=7) for _ in range(2))

        assert one.rng("a").random() == two.rng("a").random()
        assert one.rng("a").random() != one.rng("b").random()


class TestTable:
    def test_numbers_are_right_and_text_is_left(self) -> None:
        """Columns line up."""
        table = Table("t", ["name", "n"])
        table.add("a", 1)
        table.add("bbbb", 1000)

        lines = str(table).splitlines()
        assert lines[3:] == ["a         1", "bbbb  1,000"]

    def test_what_was_not_measured_is_a_dash(self) -> None:
        """None is never printed as zero."""
        table = Table("t", ["n"])
        table.add(None)

        assert str(table).splitlines()[-1] == "–"

    def test_a_short_row_is_refused(self) -> None:
        """A missing cell would shift the others under wrong headers."""
        with pytest.raises(ValueError, match="1 cells for 2 columns"):
            Table("t", ["a", "b"]).add(1)


class TestPlots:
    def test_a_plot_is_well_formed_and_needs_nothing_else(self) -> None:
        """Names are escaped; no script, no link."""
        line = LinePlot("a < b & c", "x", "y", [Series("s<", [Point(1, 2, 1, 3), Point(2, 5)])])
        text = grid([line, StackedBars("t", "ms", ["p"], [Bar("one", {"p": 2.0})])])

        root = ElementTree.fromstring(text)
        assert root.tag.endswith("svg")
        assert "href" not in text
        assert "<script" not in text

    def test_higher_values_are_drawn_higher_on_both_kinds_of_axis(self) -> None:
        """The line goes up (its y coordinate down) when the numbers do."""
        for log in (False, True):
            points = [Point(1, 10), Point(10, 100), Point(100, 1000)]
            plot = LinePlot("t", "x", "y", [Series("s", points)], log_x=log, log_y=log)
            root = ElementTree.fromstring(str(plot))
            line = next(e for e in root.iter() if e.tag.endswith("polyline"))
            places = [tuple(map(float, p.split(","))) for p in line.get("points", "").split()]

            assert places == sorted(places)
            assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)

    def test_an_invalid_point_is_hollow(self) -> None:
        """A figure that does not hold is not drawn like one that does."""
        good, bad = (
            str(LinePlot("t", "x", "y", [Series("s", [Point(1, 1), Point(2, 2, valid=valid)])]))
            for valid in (True, False)
        )

        assert bad.count('fill="#fff" stroke') == good.count('fill="#fff" stroke') + 1

    def test_bars_are_as_long_as_their_numbers(self) -> None:
        """The parts of a bar have widths in proportion, and lie end to end."""
        plot = StackedBars("t", "ms", ["p", "q"], [Bar("one", {"p": 3.0, "q": 1.0})])
        root = ElementTree.fromstring(str(plot))
        rects = [e for e in root.iter() if e.tag.endswith("rect") and e.get("height") == "20"]
        (x1, w1), (x2, w2) = ((float(e.get("x", 0)), float(e.get("width", 0))) for e in rects)

        assert w1 == pytest.approx(3 * w2, rel=0.01)
        assert x2 == pytest.approx(x1 + w1, abs=0.2)

    @pytest.mark.parametrize(("low", "high"), [(0, 7), (0, 1229), (0.001, 0.02), (0, 1e6)])
    def test_ticks_cover_the_values(self, low: float, high: float) -> None:
        """No point lies outside the axes, and the axis is not crowded."""
        found = ticks(low, high, logarithmic=False)

        assert found[0] <= low
        assert found[-1] >= high
        assert len(found) <= 8


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A failure leaves the old file and no rubbish."""
    target = tmp_path / "results.json"
    write_text(target, "old")
    with pytest.raises(TypeError):
        write_text(target, 5)  # type: ignore[arg-type]

    assert target.read_text() == "old"
    assert [target] == list(tmp_path.iterdir())


def test_a_run_leaves_a_page_with_its_tables(tmp_path: Path) -> None:
    """Every table is there, and of a hunt for mutants every mutant; markup in names is text."""
    run = Run(tmp_path, seed=1, stdout=io.StringIO())
    run.begin("sharpness", "mutants")
    table = Table("noticed in pernet", ["class", "mutants", "percent"])
    table.add("<lock>", 3, 66.7)
    run.table(table)
    mutant = {"kind": "lock", "file": "dev.py", "function": "f", "line": 3, "what": "with <lock>"}
    seen = {"caught": False, "how": "nobody comes by", "schedules": 9, "scripts": ["T1"]}
    run.data("pernet", [{"mutant": mutant, "regime": "pernet", "seconds": 1.0, **seen}])
    run.end(1.0)
    page = (tmp_path / "index.html").read_text()

    assert "&lt;lock&gt;" in page
    assert "Mutants in pernet" in page
    assert "nobody comes by" in page
    assert "with <lock>" not in page
