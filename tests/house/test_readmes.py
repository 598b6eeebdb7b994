"""Every command in every README is run, made short where it would be long.

A command that is written there and not in the table below is a failure: the table says what is made
short, and which few cannot be run inside a test, with the reason.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lockcheck.cli
import rtnl_model.cli
from rtnl_model.lab.cover_letter import picture

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page for page in ROOT.rglob("README.md")
    if not any(part.startswith((".", "build")) for part in page.relative_to(ROOT).parts)
)  # fmt: skip
PROGRAMS = ("rtnl-model", "lockcheck", "pytest", "python", "parallel", "python3")

NOT_RUN = {
    r"^python3 -m venv": "installs from the network; .ci/run does exactly this",
    r"^parallel ": "GNU parallel; its command is run for two shards instead",
    r"^(rtnl-model|lockcheck) --complete$": "a word inside the line for the shell",
    r"^python -m benchmarks": "minutes; tests/benchmarks runs each with small numbers",
    r"^pip install": "installs from the network; .ci/run does it",
    r"^python -m pytest$": "the suite itself",
    r"^pytest --lockcheck-replay": "needs the token of a test; tests/lockcheck/plugin does it",
}
SHORT = [
    (r"--seconds \d+", "--seconds 1"),
    (r"^rtnl-model stress ", "rtnl-model stress --ops 40 "),
    (r"^(rtnl-model explore @\S+.*)$", r"\1 --schedules 10"),
    (r"^(lockcheck explore \S+.*)$", r"\1 --schedules 10"),
    (r"\bTOKEN\b", "token.json"),
    (r"SCENARIOS\.json", str(ROOT / "tests/data/scenarios.json.gz")),
    (r"GOLDEN\.json", str(ROOT / "tests/data/golden-small.json.gz") + " --only cover-letter"),
    (r"^rtnl-model demo", "rtnl-model run my.ip"),  # the demo has a test of its own
    (r"^rtnl-model bugs --check$", "rtnl-model bugs --check --only naive"),
    (r"^pytest --lockcheck$", "pytest --lockcheck test_small.py"),
    (r"^(python -m tests\.lockcheck\.explore\.predictions)$", r"\1 --family lock --count 2"),
]
MAY_BE = {
    "explore": {0, 1, 3},
    "replay": {0, 1},
    "merge": {0, 1, 3},
    "stress": {0, 1},
    "run": {0, 1},
}

IP = "ip netns add ns1\nip -n ns1 link add v0 type veth peer name v1\nip -n ns1 link del v0\n"
APP = "import threading\nlock = threading.Lock()\nwith lock:\n    print('done')\n"
BANK = """\
import threading

def transfer():
    lock = threading.Lock()
    def work():
        with lock:
            pass
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

test_transfer = main = transfer
"""


def commands() -> list[tuple[str, str]]:
    """(page, command): every line of a shell block, and every command between back quotes."""
    found: dict[tuple[str, str], None] = {}
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        text = page.read_text()
        for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S):
            if kind in ("", "sh", "console"):
                for line in block.splitlines():
                    words = re.sub(r"\s{2,}#.*$|^\$ ", "", line.strip()).strip()
                    if words.split(" ")[0] in PROGRAMS:
                        found[name, words] = None
        for words in re.findall(r"`((?:rtnl-model|lockcheck|pytest|python3? -m) [^`…]+)`", text):
            if any(not word.startswith("-") for word in words.split()[2:]):  # else it is a name
                found[name, words.strip()] = None
    return list(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the pages name."""
    where = tmp_path_factory.mktemp("readme")
    for name in ("my.ip", "cover.ip", "script.ip"):
        (where / name).write_text(IP)
    for name in ("app.py", "myprog.py", "program.py"):
        (where / name).write_text(APP)
    for name in ("bank.py", "test_bank.py", "test_small.py"):
        (where / name).write_text(BANK)
    page = (ROOT / "rtnl_model/kernel/links/README.md").read_text()
    driver = re.search(r"```python\n(.*?)```", page, re.S)
    assert driver is not None
    (where / "my_driver.py").write_text(driver[1])
    call = ["explore", "@T2", "--rtnl", "naive", "--schedules", "8", "--seed", "1", "--json"]
    for shard in (1, 2):
        done = subprocess.run(
            [sys.executable, "-m", "rtnl_model", *call, "--shard", f"{shard}/2"],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        (where / f"shard-{shard}.json").write_text(done.stdout)
    token = re.search(r'"replay": "(v1/[^"]+)"', (where / "shard-1.json").read_text())
    assert token is not None
    (where / "token.json").write_text(token[1])
    return where


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_command_of_a_page_works(
    page: str,
    command: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is understood, and ends as it should."""
    if any(re.search(pattern, command) for pattern in NOT_RUN):
        return
    short = command
    for pattern, by in SHORT:
        short = re.sub(pattern, by, short)
    monkeypatch.chdir(folder)
    program, *words = shlex.split(short)
    words = [w for word in words for w in (sorted(map(str, folder.glob(word))) or [word]
                                          if "*" in word else [word])]  # fmt: skip
    if "--report" in words:
        shutil.rmtree(folder / words[words.index("--report") + 1], ignore_errors=True)
    apart = program in ("pytest", "python") or (words[:1] == ["run"] and program == "lockcheck")
    if apart:
        module = [] if program == "python" else ["-m", program]
        status = subprocess.run(
            [sys.executable, *module, *words], capture_output=True, cwd=folder, timeout=240,
            check=False, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        ).returncode  # fmt: skip
    else:
        main = rtnl_model.cli.main if program == "rtnl-model" else lockcheck.cli.main
        status = main(words)
    said = capfd.readouterr()

    allowed = MAY_BE.get(words[0], {0}) if words else {0}
    assert status in allowed, f"{page}: {command}\n{short}\n{said.out[-300:]}{said.err[-800:]}"


def test_the_pages_name_commands() -> None:
    """The table above would be worth nothing if no command were found."""
    found = commands()

    assert len(found) > 20
    assert {"README.md", "benchmarks/README.md"} <= {page for page, _ in found}


def test_every_page_s_links_lead_somewhere() -> None:
    """A file that a page links to is there."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_picture_is_what_the_model_did() -> None:
    """The README's picture is made from a run in logical time: the same on every machine."""
    stored = (ROOT / "rtnl_model/view/cover-letter.svg").read_text()

    assert picture() == stored
