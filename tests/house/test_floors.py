"""The house rules hold, and each notices a violation that is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import rules
from .source import Source

ROOT = Path(__file__).resolve().parents[2]
Rule = Callable[[Source], Iterator[str]]

RULES: list[Rule] = [
    rules.upward_imports,
    rules.cycles,
    rules.model_in_lockcheck,
    rules.past_the_faces,
    rules.impure_core,
    rules.module_state,
    rules.direct_calls,
    rules.not_pure,
    rules.differs_between_runs,
    rules.without_a_reason,
    rules.cupboards,
    rules.without_docstring,
    rules.long_without_why,
]

PLANTED: list[tuple[Rule, str, str, str]] = [
    # rule, file, what is written there, what must be said
    (rules.upward_imports, "rtnl_model/kernel/x.py", "from ..lab import stress", "above it"),
    (rules.upward_imports, "rtnl_model/kernel/x.py", "from ..lab.stress import go", "above it"),
    (rules.upward_imports, "rtnl_model/kernel/links/x.py", "from ...view import y", "above it"),
    (rules.upward_imports, "rtnl_model/kernel/x.py", "import rtnl_model.cli", "above it"),
    (rules.upward_imports, "lockcheck/core/x.py", "from ..sync import lock", "above it"),
    (rules.upward_imports, "lockcheck/core/x.py", "from .. import explore", "above it"),
    (rules.upward_imports, "lockcheck/attic/x.py", "", "no floor"),
    (
        rules.upward_imports,
        "rtnl_model/kernel/x.py",
        "def f():\n    from ..cli import main",
        "above",
    ),
    (
        rules.cycles,
        "lockcheck/sync/x.py",
        "if TYPE_CHECKING:\n    from lockcheck.sync import x",
        "lockcheck.sync.x <- lockcheck.sync.x",
    ),
    (
        rules.cycles,
        "rtnl_model/kernel/links/x.py",
        "if TYPE_CHECKING:\n    from . import x",
        "rtnl_model.kernel.links.x <- rtnl_model.kernel.links.x",
    ),
    (rules.model_in_lockcheck, "lockcheck/core/x.py", "import rtnl_model", "imports rtnl_model"),
    (rules.model_in_lockcheck, "lockcheck/x.py", "from rtnl_model.kernel import y", "rtnl_model"),
    (rules.past_the_faces, "rtnl_model/x.py", "from lockcheck.patch.hooks import y", "no face"),
    (rules.past_the_faces, "rtnl_model/x.py", "import lockcheck.core.attic", "no face"),
    (
        rules.past_the_faces,
        "rtnl_model/x.py",
        "if TYPE_CHECKING:\n    from lockcheck.explore import _Hidden",
        "which is not in lockcheck.explore.__all__",
    ),
    (rules.impure_core, "lockcheck/core/x.py", "def f():\n    return open('x')", "calls open()"),
    (rules.impure_core, "lockcheck/core/x.py", "def f():\n    print('x')", "calls print()"),
    (rules.impure_core, "lockcheck/core/x.py", "from time import monotonic", "imports time"),
    (rules.impure_core, "lockcheck/core/deep/x.py", "import threading", "imports threading"),
    (rules.module_state, "rtnl_model/kernel/x.py", "seen = []", "seen is mutable"),
    (rules.module_state, "rtnl_model/kernel/x.py", "seen: dict[str, int] = dict()", "is mutable"),
    (rules.module_state, "rtnl_model/x.py", "from collections import deque\nq = deque()", "q is"),
    (rules.module_state, "rtnl_model/x.py", "A = {}\ndef f():\n    A['x'] = 1", "changes A"),
    (rules.module_state, "rtnl_model/x.py", "A = set()\ndef f():\n    A.add(1)", "changes A"),
    (rules.module_state, "rtnl_model/x.py", "def f():\n    global n\n    n = 1", "global"),
    (rules.module_state, "rtnl_model/x.py", "class C:\n    all = []", "shared by all instances"),
    (
        rules.direct_calls,
        "rtnl_model/kernel/x.py",
        "from .y import free\ndef f():\n    free()",
        "calls free of rtnl_model.kernel.y directly",
    ),
    (
        rules.direct_calls,
        "rtnl_model/kernel/links/x.py",
        "from .. import y\ndef f():\n    y.free()",
        "calls free of rtnl_model.kernel.y directly",
    ),
    (
        rules.direct_calls,
        "rtnl_model/kernel/x.py",
        "from .y import free as quietly\nquietly()",
        "calls free",
    ),
    (rules.differs_between_runs, "lockcheck/core/x.py", "def f(x):\n    return id(x)", "id()"),
    (
        rules.differs_between_runs,
        "rtnl_model/kernel/x.py",
        "import time\ndef f():\n    return time.time()",
        "wall clock",
    ),
    (rules.without_a_reason, "lockcheck/x.py", "x: Any = 1", "Any without"),
    (rules.without_a_reason, "lockcheck/x.py", "def f(x):\n    return getattr(x, 'y')", "getattr"),
    (rules.without_a_reason, "rtnl_model/x.py", "x = y  # type: ignore[misc]", "type: ignore"),
    (rules.cupboards, "rtnl_model/lab/utils.py", "", "rtnl_model.lab.utils"),
    (rules.without_docstring, "rtnl_model/lab/x.py", "", "no docstring"),
    (rules.long_without_why, "lockcheck/x.py", "x = 1\n" * 400, "402 lines"),
]


@pytest.fixture(scope="module")
def house() -> Source:
    """Our own packages."""
    return Source(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule, house: Source) -> None:
    """No file of ours violates it."""
    found = list(rule(house))

    assert found == []


@pytest.mark.parametrize(
    ("rule", "file", "text", "said"),
    PLANTED,
    ids=[f"{n}-{row[0].__name__}" for n, row in enumerate(PLANTED)],
)
def test_a_planted_violation_is_found(
    rule: Rule, file: str, text: str, said: str, tmp_path: Path
) -> None:
    """One bad file in an otherwise good house is named, and nothing else is."""
    plant(tmp_path, "rtnl_model/kernel/y.py", '"""Good."""\n\n\ndef free():\n    return 1\n')
    for good in ("rtnl_model/lab/stress.py", "rtnl_model/view/y.py", "rtnl_model/cli/main.py"):
        plant(tmp_path, good, '"""Good."""\n')
    for good in ("lockcheck/sync/lock.py", "lockcheck/explore/__init__.py"):
        plant(tmp_path, good, '"""Good."""\n')
    head = "" if rule is rules.without_docstring else '"""Bad."""\n'
    plant(tmp_path, file, f"{head}{text}\n")

    found = list(rule(Source(tmp_path)))

    assert len(found) == 1
    assert file in found[0]
    assert said in found[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def errno_name(n):\n    n.seen = True\n    return n", "sets seen"),
        ("def errno_name(n):\n    return open(n)", "calls open()"),
        ("def errno_name(k):\n    return k.k.dev", "uses the kernel"),
        (
            "def log(n):\n    print(n)\ndef errno_name(n):\n    log(n)\n    return n",
            "calls print()",
        ),
        ("ERRNO = 1", "does not exist"),
    ],
)
def test_what_is_declared_pure_is_pure(text: str, said: str, tmp_path: Path) -> None:
    """A declared function that is not pure, or not there, is found."""
    plant(tmp_path, "rtnl_model/kernel/errors.py", f'"""Bad."""\n{text}\n')

    found = [each for each in rules.not_pure(Source(tmp_path)) if "errno_name" in each]

    assert len(found) == 1
    assert said in found[0]


def test_type_checking_imports_may_go_up(tmp_path: Path) -> None:
    """A name for the type checker is no import."""
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..lab import stress\n"
    plant(tmp_path, "rtnl_model/kernel/x.py", text)

    assert list(rules.upward_imports(Source(tmp_path))) == []


def plant(root: Path, file: str, text: str) -> None:
    """Write a file of the planted house."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_top_level_is_the_fixed_one() -> None:
    """The five of the user's layout, the project file, and dot-files: nothing else."""
    allowed = {"pyproject.toml", "README.md", "rtnl_model", "lockcheck", "tests", "benchmarks"}
    built = {"build", "dist"}
    extra = {
        path.name
        for path in ROOT.iterdir()
        if not path.name.startswith(".") and not path.name.endswith(".egg-info")
    } - allowed

    assert extra <= built
