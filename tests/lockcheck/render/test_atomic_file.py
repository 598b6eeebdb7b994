"""Files are whole or not there, and never written through a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lockcheck.render import atomic_file
from lockcheck.render.atomic_file import write_text


def test_a_link_at_the_destination_is_replaced(tmp_path: Path) -> None:
    """What it led to keeps its content."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    link = tmp_path / "out.json"
    link.symlink_to(precious)
    write_text(link, "new")

    assert precious.read_text() == "precious"
    assert link.read_text() == "new"
    assert not link.is_symlink()


def test_a_link_under_the_temporary_name_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name cannot be guessed; if it were, the file is made, never opened."""
    monkeypatch.setattr(atomic_file.secrets, "token_hex", lambda _n: "guessed")
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / ".guessed.tmp").symlink_to(precious)
    with pytest.raises(FileExistsError):
        write_text(tmp_path / "out.json", "new")

    assert precious.read_text() == "precious"
    assert not (tmp_path / "out.json").exists()


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path: Path) -> None:
    """Renaming over a pipe or a device would remove it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no ordinary file"):
        write_text(pipe, "new")

    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle of it."""
    path = tmp_path / "out.json"
    path.write_text("old")

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_file.os, "replace", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_text(path, "new")

    assert str(path) == caught.value.filename
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.json"]


def test_the_file_has_the_rights_of_an_ordinary_one(tmp_path: Path) -> None:
    """As the umask says, not only for its owner."""
    write_text(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")

    assert (tmp_path / "b").stat().st_mode == (tmp_path / "a").stat().st_mode
