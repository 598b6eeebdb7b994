"""Reading is bounded: in bytes, in what they decompress to, in depth."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from lockcheck.documents import DocumentError, read_document, read_json, read_text
from lockcheck.documents.shape import TEXT, Row
from lockcheck.documents.shapes import GRAPH

MOST = 1 << 20


def refused(path: Path | str, *, most: int = MOST) -> str:
    """What is said of a file that cannot be read."""
    with pytest.raises(DocumentError) as caught:
        read_json(path, most=most)
    said = str(caught.value)

    assert str(path) in said
    assert "\n" not in said
    return said


def test_a_file_that_never_ends_is_too_long() -> None:
    """A device gives as much as is asked for: no more than the limit is asked for."""
    assert "too long" in refused("/dev/zero")


def test_a_bomb_is_given_up_at_the_limit(tmp_path: Path) -> None:
    """What decompresses to more than the limit is refused, and never held in memory."""
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(bytes(64 << 20)))
    tracemalloc.start()
    try:
        said = refused(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert "decompresses to more than" in said
    assert peak < 8 * MOST


def test_every_member_of_a_gzip_file_counts(tmp_path: Path) -> None:
    """Members are joined, and the limit is that of the whole."""
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(b'{"a": ') + gzip.compress(b'"b"}'))

    assert read_json(path) == {"a": "b"}
    path.write_bytes(gzip.compress(bytes(MOST // 2)) * 3)
    assert "decompresses to more than" in refused(path)


@pytest.mark.parametrize("cut", [3, 12, 30, -1, -5])
def test_half_a_gzip_file_is_said_to_be_one(tmp_path: Path, cut: int) -> None:
    """Cut anywhere, it is no whole file; never an endless loop."""
    path = tmp_path / "half.gz"
    path.write_bytes(gzip.compress(json.dumps({"a": "b" * 40}).encode())[:cut])

    assert "gzip" in refused(path)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_is_bounded(tmp_path: Path, opening: str) -> None:
    """A document of brackets alone is refused, whether or not the parser survives it."""
    path = tmp_path / "deep.json"
    for levels in (70, 900, 50_000):
        closing = "]" if opening == "[" else "}"
        path.write_text(opening * levels + "1" + closing * levels)
        assert "nested too deep" in refused(path)


def test_numbers_are_numbers(tmp_path: Path) -> None:
    """NaN and Infinity are not JSON; a number with ten thousand digits is not converted."""
    path = tmp_path / "numbers.json"
    for text in ("NaN", "[Infinity]", "9" * 10_000):
        path.write_text(text)
        assert "not JSON" in refused(path)


def test_half_a_surrogate_pair_can_be_printed(tmp_path: Path) -> None:
    """It is written out; a whole pair stays the character that it is."""
    path = tmp_path / "half.json"
    path.write_text('{"a\\ud800": ["x\\udfff", "\\ud83d\\ude00"]}')

    assert read_json(path) == {"a\\ud800": ["x\\udfff", "😀"]}


def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    """A folder, nothing at all, a name that no file can have, bytes that are no text."""
    assert "directory" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "none.json")
    with pytest.raises(DocumentError):
        read_text("a\0b")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in refused(tmp_path / "binary")


def test_a_shape_names_the_place(tmp_path: Path) -> None:
    """Where it stands, what was expected, what is there."""
    path = tmp_path / "graph.json"
    path.write_text('{"classes": [{"id": "zero"}], "edges": []}')
    with pytest.raises(DocumentError) as caught:
        read_document(path, GRAPH, "a lock graph")

    assert f"{path}: not a lock graph: classes[0].id: expected a whole number, found 'zero'" == str(
        caught.value
    )


def test_fields_that_a_shape_does_not_name_are_allowed(tmp_path: Path) -> None:
    """Documents may grow."""
    path = tmp_path / "more.json"
    path.write_text('{"a": "b", "c": [1]}')

    assert read_document(path, Row({"a": TEXT}), "a row") == {"a": "b", "c": [1]}
