"""A user's mistake is one clear line and status 2, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockcheck.cli import main
from lockcheck.documents.reading import BYTES_MAX


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["rum", "x.py"], "did you mean 'run'"),
        (["run"], "which program"),
        (["run", "-m"], "which program"),
        (["run", "--fail-on", "never", "x.py"], "never"),
        (["run", "--report"], "--report"),
        (["run", "no/such/file.py"], "no/such/file.py"),
        (["run", "--baseline", "none.json", "x.py"], "x.py"),
        (["run", "--report", "/dev/null/out", __file__], "/dev/null/out"),
        (["report", "none.json"], "none.json"),
        (["report"], "GRAPH.json"),
        (["report", "x.json", "--format", "pdf"], "pdf"),
        (["diff", "a.json"], "NEW.json"),
    ],
)
def test_a_wrong_call_is_one_line(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names what is wrong."""
    status = main(argv)
    said = capsys.readouterr()

    assert status == 2
    assert said.out == ""
    assert told in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("words", [["run", "{}"], ["explore", "{}::work"]], ids=["run", "explore"])
def test_a_program_without_an_end_is_one_line(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is longer than any script is not read to its end."""
    path = tmp_path / "endless.py"
    with path.open("wb") as file:
        file.truncate(BYTES_MAX + 1)
    status = main([word.format(path) for word in words])
    said = capsys.readouterr().err

    assert status == 2
    assert str(path) in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[]", "{", '{"classes": 3, "edges": []}', "\ud800x", "null"])
def test_a_file_that_is_no_graph_is_one_line(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Empty, not JSON, not an object, not text, not a graph."""
    path = tmp_path / "graph.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    status = main(["report", str(path)])
    said = capsys.readouterr().err

    assert status == 2
    assert str(path) in said
    assert said.count("\n") == 1


def test_a_graph_of_another_shape_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lists are there, their rows are not ours."""
    path = tmp_path / "graph.json"
    path.write_text('{"classes": [{"nope": 1}], "edges": [{"from": 0}]}')
    for form in ("tables", "dot", "html"):
        assert main(["report", str(path), "--format", form]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_help_starts_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """Two examples and the statuses; --version prints one."""
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "lockcheck run app.py" in text
    assert "exit status" in text
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("lockcheck 0.")
