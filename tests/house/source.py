"""The Python files below a folder, parsed once, with what they import: the rules read these."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("lockcheck", "rtnl_model")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, or one name imported from a module."""

    line: int
    module: str
    """Absolute: relative imports are resolved."""
    name: str = ""
    """The name taken from it; empty where the module itself is what is imported."""
    local: str = ""
    """What the importing file calls it."""


@dataclass(slots=True)
class Module:
    """One file."""

    name: str
    path: Path
    tree: ast.Module
    text: str
    source: Source

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]

    def imports(self, *, typing: bool = False) -> Iterator[Import]:
        """What it imports when it runs; with `typing` also what only the type checker imports."""
        skip = set() if typing else type_checking_lines(self.tree)
        for node in ast.walk(self.tree):
            if getattr(node, "lineno", 0) in skip:
                continue
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(node.lineno, alias.name, local=alias.asname or alias.name)
            elif isinstance(node, ast.ImportFrom):
                yield from self._from(node)

    def _from(self, node: ast.ImportFrom) -> Iterator[Import]:
        parent = node.module or ""
        if node.level:
            base = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
            parent = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            local = alias.asname or alias.name
            inner = f"{parent}.{alias.name}"
            if inner in self.source.by_name:
                yield Import(node.lineno, inner, local=local)
            else:
                yield Import(node.lineno, parent, alias.name, local)

    def statements(self) -> Iterator[list[tokenize.TokenInfo]]:
        """The tokens of each statement (of a compound one: of its head), comments included."""
        found: list[tokenize.TokenInfo] = []
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
                continue
            if token.type == tokenize.NEWLINE:
                yield found
                found = []
            elif token.type != tokenize.COMMENT or found:  # a comment line of its own is none
                found.append(token)

    def public(self) -> set[str]:
        """The names of its `__all__`."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                return set(ast.literal_eval(node.value))
        return set()

    def functions(self) -> dict[str, ast.FunctionDef]:
        """Its functions, by name."""
        return {n.name: n for n in self.tree.body if isinstance(n, ast.FunctionDef)}

    def at(self, node: ast.AST | int) -> str:
        """`FILE:LINE`."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 0)
        return f"{self.path}:{line}"


@dataclass(slots=True)
class Source:
    """All modules of the packages below a folder."""

    root: Path
    by_name: dict[str, Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for package in PACKAGES:
            for path in sorted((self.root / package).rglob("*.py")):
                parts = path.relative_to(self.root).with_suffix("").parts
                text = path.read_text()
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                self.by_name[name] = Module(name, path, ast.parse(text), text, self)

    def modules(self, below: str = "") -> list[Module]:
        """Every module, or those of a package."""
        return [m for m in self.by_name.values() if not below or within(m.name, below)]


def within(module: str, package: str) -> bool:
    """Is it that package, or below it?"""
    return module == package or module.startswith(package + ".")


def type_checking_lines(tree: ast.Module) -> set[int]:
    """Lines inside `if TYPE_CHECKING:`."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines
