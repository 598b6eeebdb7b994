"""The corpus keeps what is new, survives a restart, and refuses what is not its own."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from rtnl_model.lab.fuzz.corpus import Corpus, Kept, NotACorpus
from rtnl_model.lab.fuzz.hunt import Hunt, HuntOptions
from rtnl_model.lab.model_run import ModelSetting


def kept(script: str, *features: int) -> Kept:
    return Kept(script, features, 10, 5, "test")


def test_only_what_reaches_something_new_is_kept(tmp_path: Path) -> None:
    """A script with features that others have is not kept, one with another feature is."""
    corpus = Corpus(tmp_path)

    assert corpus.take(kept("one", 1, 2))
    assert not corpus.take(kept("two", 2))
    assert corpus.take(kept("three", 2, 3))
    assert [k.script for k in corpus.kept] == ["one", "three"]
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_corpus_is_read_again_and_merged(tmp_path: Path) -> None:
    """What one hunt wrote another reads; files of two machines in one folder are one corpus."""
    Corpus(tmp_path).take(kept("one", 1, 2))
    other = Corpus(tmp_path)
    other.take(kept("two", 3))

    merged = Corpus(tmp_path)

    assert merged.load() == 2
    assert merged.features == {1, 2, 3}
    assert merged.draw(Random(1)) in merged.kept


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"schema": "rtnl-model/corpus/1"}',
        json.dumps({"schema": "rtnl-model/corpus/1", "script": 3, "features": [], "schedules": 0,
                    "orders": 0, "origin": ""}),
        json.dumps({"schema": "rtnl-model/corpus/1", "script": "", "features": ["x"],
                    "schedules": 0, "orders": 0, "origin": ""}),
        "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_corpus_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    """A mutilated file is named, with what is wrong; nothing else is raised."""
    (tmp_path / "bad.json").write_text(text)

    with pytest.raises(NotACorpus, match=r"bad\.json") as error:
        Corpus(tmp_path).load()

    assert "\n" not in str(error.value)


def test_hunts_of_two_machines_are_merged(tmp_path: Path) -> None:
    """Scripts that bring something new and findings of another folder are taken, once."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        (folder / "corpus").mkdir(parents=True)
    Corpus(there / "corpus").take(kept("one", 1, 2))
    found = there / "findings" / "0123456789"
    found.mkdir(parents=True)
    (found / "script.ip").write_text("ip link add d0 type dummy\n")
    finding = {"kind": "race", "severity": "certain", "title": "a race"}
    (found / "finding.json").write_text(
        json.dumps(
            {
                "cause": {"kind": "race", "title": "a race", "tags": []},
                "setting": {"rtnl": "pernet", "workers": "netns"},
                "finding": finding,
            }
        )
    )
    hunt = Hunt(ModelSetting(rtnl="pernet"), HuntOptions(seconds=1, jobs=1, seed=1, folder=here))

    assert hunt.merge(there) == 1
    assert hunt.merge(there) == 0
    assert (here / "findings" / "0123456789" / "finding.json").is_file()
    assert Corpus(here / "corpus").load() == 1
    with pytest.raises(NotACorpus, match="no corpus"):
        hunt.merge(tmp_path)


def test_a_hunt_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    """The state adds up over hunts, and one that is no state is refused."""
    options = HuntOptions(seconds=1, jobs=1, seed=1, folder=tmp_path)
    (tmp_path / "state.json").write_text('{"next": 7, "scripts": 7, "schedules": 70}')
    again = Hunt(ModelSetting(rtnl="pernet"), options)

    again.resume()
    again.save()

    state = json.loads((tmp_path / "state.json").read_text())
    assert (state["next"], state["scripts"], state["schedules"]) == (7, 7, 70)
    (tmp_path / "state.json").write_text('{"next": "seven"}')
    with pytest.raises(ValueError, match="next"):
        Hunt(ModelSetting(rtnl="pernet"), options).resume()
