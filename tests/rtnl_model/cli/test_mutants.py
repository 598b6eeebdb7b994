"""Whatever document is given to a command of the model: a result, or one line and status 2.

`MUTANTS=4000 python -m pytest tests/rtnl_model/cli/test_mutants.py` tries so many a document.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockcheck.explore.token import Token, TokenError
from rtnl_model.cli import main
from rtnl_model.iproute import ScriptError
from rtnl_model.lab.explore import ModelSubject
from rtnl_model.lab.wrong_setting import WrongSetting
from tests.mutations import mutants

COUNT = int(os.environ.get("MUTANTS", "40"))
SEED = int(os.environ.get("MUTANTS_SEED", "16"))
DATA = Path(__file__).parents[2] / "data"
NAME = "cover-letter"


def stored(name: str) -> Any:
    return json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))


def golden() -> Any:
    """One scenario's part of a recording."""
    whole = stored("golden-small")
    result = whole["results"][NAME]
    return {"trace_functions": whole["trace_functions"], "results": {NAME: result}}


def scenario() -> Any:
    return next(s for s in stored("scenarios") if s["name"] == NAME)


SCENARIOS = DATA / "scenarios.json.gz"
GOLDEN = DATA / "golden-small.json.gz"


def survive(
    call: Callable[[Path], list[str]], document: Any, folder: Path, capfd: Any, *, count: int
) -> None:
    """Give every mutant to the command."""
    path = folder / "document.json"
    for number, text in enumerate(mutants(document, count, SEED)):
        path.write_text(text)
        status = main(call(path))
        said = capfd.readouterr()

        where = f"mutant {number} of seed {SEED}: {text[:300]}"
        assert status in (0, 1, 2, 3), f"{where}\n{said.err}"
        assert "Traceback" not in said.err, where
        if status == 2:
            assert said.err.count("\n") == 1, f"{where}\n{said.err}"
        assert not any(c in said.out + said.err for c in "\x1b\x07\0"), where


def test_no_recording_is_a_defect(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`conform` with a changed recording."""
    survive(lambda path: ["conform", str(SCENARIOS), str(path)], golden(), tmp_path, capfd,
            count=COUNT // 2)  # fmt: skip


def test_no_scenario_is_a_defect(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`run` with a changed scenario."""
    survive(lambda path: ["run", str(path), "--timing", "zero"], scenario(), tmp_path, capfd,
            count=COUNT)  # fmt: skip


def test_no_result_of_a_shard_is_a_defect(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`merge` with a changed result, alone and beside a good one."""
    call = ["explore", "@T2", "--rtnl", "naive", "--schedules", "8", "--seed", "1", "--json"]
    assert main([*call, "--shard", "1/2"]) == 1
    one = json.loads(capfd.readouterr().out)
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**one, "shard": "2/2"}))
    survive(lambda path: ["merge", str(path), str(other)], one, tmp_path, capfd, count=COUNT * 4)


@pytest.mark.parametrize("name", ["run", "graph", "findings", "timeline"])
def test_no_report_folder_is_a_defect(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`report` with one of its files changed."""
    folder = tmp_path / "out"
    assert main(["run", "@T2", "--rtnl", "naive", "--report", str(folder)]) == 1
    capfd.readouterr()
    path = folder / f"{name}.json"
    document = json.loads(path.read_text())
    for number, text in enumerate(mutants(document, COUNT, SEED)):
        path.write_text(text)
        status = main(["report", str(folder)])
        said = capfd.readouterr()

        assert status in (0, 2), f"mutant {number} of seed {SEED}: {text[:300]}\n{said.err}"
        assert said.err.count("\n") == (status == 2)


def refused(described: dict[str, Any]) -> str:
    """What is said of a token with these parameters; empty when it could run."""
    try:
        token = Token.parse(str(Token(described, (0,), (1,))))
        ModelSubject.of_token(token.subject)
    except (TokenError, ScriptError, WrongSetting) as error:
        return str(error)
    return ""


def test_no_token_s_parameters_are_a_defect() -> None:
    """What a token says is run is checked before anything runs."""
    subject = {
        "kind": "rtnl", "script": "ip netns add a\n", "rtnl": "small", "workers": "netns",
        "cpus": 2, "strict": "converted", "timing": "zero", "bugs": ["veth-no-exchange"],
        "driver_files": [],
    }  # fmt: skip
    for text in mutants(subject, COUNT * 5, SEED):
        try:
            described = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(described, dict):
            assert "\n" not in refused(described), text
