"""What the code cites stands in the repository: hazards, candidate defects, scripts, notation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "rtnl_model" / "kernel" / "README.md"
ROOMS = ("rtnl_model", "lockcheck", "benchmarks")

GONE = re.compile(
    r"kernel-(core|drivers|timing)|pernet\.md|design\.md|design rule|contract\.md|\bfacts\b.*\.md"
)
"""Documents that are not in the repository."""
HAZARD = re.compile(r"\bhazards? (\d+)(?: and (\d+))?")
DEFECT = re.compile(r"(?<![\w/.-])G\.(\d+)\b")
SCRIPT = re.compile(r"@(T\d+b?(?:-\w+)?)\b")
NOTED = re.compile(r"(?<![\w.])([A-Z])\((?:net|dev|lower|upper|virt|phys|pnodes|queue\.dev)\)")


class Cited:
    """What the README and the folders have."""

    def __init__(self, readme: str, scripts: frozenset[str]) -> None:
        hazards = readme.partition("## Hazards")[2].partition("\n## ")[0]
        self.hazards = set(re.findall(r"^(\d+)\. ", hazards, re.MULTILINE))
        self.defects = set(re.findall(r"^\| G\.(\d+) \|", readme, re.MULTILINE))
        self.letters = set(re.findall(r"^\| ([A-Z])\(", readme, re.MULTILINE))
        self.scripts = scripts

    def unresolved(self, text: str) -> Iterator[tuple[int, str]]:
        """Line and words of each citation that leads nowhere."""
        for number, line in enumerate(text.splitlines(), 1):
            for found in GONE.finditer(line):
                yield number, found[0]
            for found in HAZARD.finditer(line):
                for hazard in filter(None, found.groups()):
                    if hazard not in self.hazards:
                        yield number, f"hazard {hazard}"
            for found in DEFECT.finditer(line):
                if found[1] not in self.defects:
                    yield number, found[0]
            for found in SCRIPT.finditer(line):
                if found[1] not in self.scripts:
                    yield number, found[0]
            for found in NOTED.finditer(line):
                if found[1] not in self.letters:
                    yield number, found[0]


@pytest.mark.parametrize("package", ["lockcheck", "rtnl_model/kernel"])
def test_every_file_that_a_readme_names_exists(package: str) -> None:
    """So the walk from `with` to the report can be walked."""
    text = (ROOT / package / "README.md").read_text()
    named = set(re.findall(r"`([a-z_/]+/[a-z_]+\.py)`", text))

    homes = [ROOT / package, *(ROOT / package).parents][:3]  # from there, the package or the top
    missing = [name for name in named if not any((home / name).is_file() for home in homes)]

    assert sorted(missing) == []


@pytest.fixture(scope="module")
def cited() -> Cited:
    """Ours."""
    folder = ROOT / "rtnl_model" / "lab" / "topologies"
    return Cited(README.read_text(), frozenset(path.stem for path in folder.glob("*.ip")))


def test_the_readme_has_them(cited: Cited) -> None:
    """Hazards and defects are numbered without gaps."""
    assert cited.hazards == {str(n) for n in range(1, len(cited.hazards) + 1)}
    assert cited.defects == {str(n) for n in range(1, len(cited.defects) + 1)}
    assert cited.letters >= {"L", "I", "M"}


@pytest.mark.parametrize("room", ROOMS)
def test_every_citation_resolves(room: str, cited: Cited) -> None:
    """In code, comments, docstrings and scripts."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {words}"
        for suffix in ("py", "ip")
        for path in sorted((ROOT / room).rglob(f"*.{suffix}"))
        if path.parent.name != "house"
        for line, words in cited.unresolved(path.read_text())
    ]

    assert found == []


@pytest.mark.parametrize(
    "words",
    [
        "hazard 99", "hazards 3 and 46", "G.77", "(kernel-core hazard 3)", "pernet.md says",
        "design rule 10", "@T99", "Locks: Q(dev)", "see kernel-drivers A.3",
    ],
)  # fmt: skip
def test_a_planted_citation_is_found(words: str, cited: Cited) -> None:
    """One that leads nowhere is named with its line."""
    assert [line for line, _ in cited.unresolved(f"first\n# {words}\n")] == [2]


@pytest.mark.parametrize("words", ["hazard 3", "G.14", "@T2", "I(lower), then M(pnodes)", "BG.77"])
def test_a_good_one_is_not(words: str, cited: Cited) -> None:
    """What stands in the README is no finding."""
    assert list(cited.unresolved(words)) == []
