"""The rules of the house that a machine can check: floors, no state, calls through the Kernel."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = [
    # lowest first; a module may import from its own floor and from those below
    ["lockcheck.seam"],
    ["lockcheck.core"],
    ["lockcheck.documents"],
    ["lockcheck.render"],
    ["lockcheck.sync"],
    ["lockcheck.checker", "lockcheck.graph_file"],
    ["lockcheck.conduct"],
    ["lockcheck.explore"],
    ["lockcheck", "lockcheck.patch"],
    ["lockcheck.cli", "lockcheck.pytest_plugin", "lockcheck.__main__"],
    ["rtnl_model.kernel"],
    ["rtnl_model.view"],
    ["rtnl_model.iproute"],
    ["rtnl_model.lab"],
    ["rtnl_model.cli", "rtnl_model.__main__", "rtnl_model"],
]


def floor_of(module: str) -> int:
    """The floor a module stands on: the longest matching prefix decides."""
    best = (-1, -1)
    for level, names in enumerate(FLOORS):
        for name in names:
            exact = module == name
            below = module.startswith(name + ".") and name not in ("lockcheck", "rtnl_model")
            if (exact or below) and len(name) > best[0]:
                best = (len(name), level)
    return best[1]


@cache
def parsed(path: Path) -> ast.Module:
    """A file, read once for all tests."""
    return ast.parse(path.read_text())


@pytest.fixture(scope="module", autouse=True)
def _let_go() -> Iterator[None]:
    """A large heap slows what follows."""
    yield
    for each in (parsed, imports, modules):
        each.cache_clear()


@cache
def modules() -> list[tuple[str, Path]]:
    found = []
    for package in ("lockcheck", "rtnl_model"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append((name, path))
    return found


def type_checking_lines(tree: ast.Module) -> set[int]:
    """Lines inside `if TYPE_CHECKING:`: names for the type checker are no imports."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def function_lines(tree: ast.Module) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


@cache
def imports(path: Path) -> list[tuple[int, str]]:
    tree = parsed(path)
    skip = type_checking_lines(tree)
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if getattr(node, "lineno", 0) in skip:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = (ROOT / (inner.replace(".", "/") + ".py")).exists() or (
                    ROOT / inner.replace(".", "/") / "__init__.py"
                ).exists()
                found.append((node.lineno, inner if is_module else node.module))
    return found


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: str(value)[-40:])
def test_imports_only_go_down(name: str, path: Path) -> None:
    """A module imports only from its own floor or the floors below it.

    The one exception is a str(report): core asks render for the text when it is printed.
    """
    own = floor_of(name)

    assert own >= 0, f"{name} stands on no floor of design: add it to FLOORS"
    for line, target in imports(path):
        if not target.startswith(("lockcheck", "rtnl_model")):
            continue
        if name == "lockcheck.core.report" and target.startswith("lockcheck.render"):
            continue
        if name == "lockcheck" and target in ("lockcheck.patch",):
            continue

        assert floor_of(target) <= own, f"{path}:{line}: {name} imports {target}, which is above it"


def test_core_uses_the_standard_library_only_and_no_threads_clock_or_io() -> None:
    """The engine is pure: operations in, verdicts out."""
    forbidden = {"threading", "time", "random", "os", "io", "socket", "structlog", "logging"}
    for name, path in modules():
        if not name.startswith("lockcheck.core"):
            continue
        for line, target in imports(path):
            assert target.split(".")[0] not in forbidden, f"{path}:{line} imports {target}"


def test_lockcheck_never_imports_the_model() -> None:
    """lockcheck is a product of its own."""
    for name, path in modules():
        if name.startswith("lockcheck"):
            for line, target in imports(path):
                assert not target.startswith("rtnl_model"), f"{path}:{line}"


MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def test_the_model_has_no_mutable_module_state() -> None:
    """Everything belongs to one Kernel: module level holds upper-case constants, nothing else."""
    for name, path in modules():
        if not name.startswith("rtnl_model"):
            continue
        for node in parsed(path).body:
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
                if isinstance(node, ast.AnnAssign)
                else []
            )
            for target in targets:
                if not isinstance(target, ast.Name) or target.id.startswith("__"):
                    continue
                value = node.value  # type: ignore[union-attr]
                constant = target.id.lstrip("_").isupper() or target.id[0].isupper()

                assert constant or not isinstance(value, MUTABLE), (
                    f"{path}:{node.lineno} {target.id}"
                )
        for inner in ast.walk(parsed(path)):
            assert not isinstance(inner, ast.Global), f"{path}:{inner.lineno} uses global"


def test_kernel_files_call_each_other_through_the_kernel_object() -> None:
    """An overlay is a subclass, so a call that bypasses `k.` would bypass the overlay."""
    kernel = ROOT / "rtnl_model" / "kernel"
    for path in sorted(kernel.rglob("*.py")):
        tree = parsed(path)
        skip = type_checking_lines(tree)
        foreign: dict[str, str] = {}
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node.lineno in skip:
                continue
            if (node.module or "").startswith("rtnl_model.kernel"):
                for alias in node.names:
                    foreign[alias.asname or alias.name] = node.module or ""
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            called = node.func.id
            if called in foreign and called.islower():
                assert called in DECLARED_PURE, (
                    f"{path}:{node.lineno}: calls {called} of {foreign[called]} directly"
                )


DECLARED_PURE: set[str] = {"shared", "probe", "probed"}
"""Functions without state that a kernel file may import and call: decorators and pure leaves."""


FORBIDDEN_SOURCES = {
    "id(": "id() differs between runs",
    "hash(": "hash(str) differs between runs",
    "time.time(": "wall clock",
    "random.random(": "module-level random",
    "random.choice(": "module-level random",
    "random.randrange(": "module-level random",
    "random.shuffle(": "module-level random",
}


def test_nothing_that_differs_between_runs_in_the_deterministic_rooms() -> None:
    """No id(), hash(), wall clock or module-level random in core, conduct, explore, kernel."""
    rooms = ["lockcheck/core", "lockcheck/conduct", "lockcheck/explore", "rtnl_model/kernel"]
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(parsed(path)):
                if not isinstance(node, ast.Call):
                    continue
                called = ast.unparse(node.func) + "("
                reason = FORBIDDEN_SOURCES.get(called)

                assert reason is None, f"{path}:{node.lineno}: {called}…): {reason}"


def test_no_room_is_a_cupboard() -> None:
    """No utils, helpers, common, base, manager."""
    for name, _path in modules():
        last = name.rsplit(".", 1)[-1].strip("_")

        assert last not in ("utils", "util", "helpers", "helper", "common", "base", "manager"), name


def test_every_module_says_what_it_is_for() -> None:
    """A file starts with a docstring."""
    for name, path in modules():
        assert ast.get_docstring(parsed(path)), f"{name} has no docstring"


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
