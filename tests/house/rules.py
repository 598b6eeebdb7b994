"""The rules of the house that a machine can check; each yields its violations, one line each."""

from __future__ import annotations

import ast
import graphlib
import re
import tokenize
from collections.abc import Iterator

from .source import Module, Source, within

FLOORS = [
    # lowest first; a module may import from its own floor and from those below
    ["lockcheck.face", "lockcheck.seam"],
    ["lockcheck.core"],
    ["lockcheck.documents"],
    ["lockcheck.render"],
    ["lockcheck.sync"],
    ["lockcheck.checker", "lockcheck.census", "lockcheck.graph_file", "lockcheck.snapshot"],
    ["lockcheck.conduct"],
    ["lockcheck.explore"],
    ["lockcheck", "lockcheck.patch"],
    ["lockcheck.cli", "lockcheck.pytest_explore", "lockcheck.pytest_plugin", "lockcheck.__main__"],
    ["rtnl_model.kernel"],
    ["rtnl_model.view"],
    ["rtnl_model.iproute"],
    ["rtnl_model.lab"],
    ["rtnl_model.cli", "rtnl_model.__main__", "rtnl_model"],
]

UPWARD = {
    ("lockcheck.core.report", "lockcheck.render"): "str(report) asks for the text when printed",
    ("lockcheck", "lockcheck.patch"): "the package's face",
}
"""(from, to) -> why this import may go up."""

FACES = (
    "lockcheck",
    "lockcheck.cli",
    "lockcheck.conduct",
    "lockcheck.documents",
    "lockcheck.explore",
    "lockcheck.patch.data",
    "lockcheck.render",
    "lockcheck.sync",
)
"""What rtnl_model may import of lockcheck: a package, and of it what its `__all__` names."""

DECLARED_PURE = {
    "rtnl_model.kernel.errors": {"errno_name"},
    "rtnl_model.kernel.events": {"notifier_from_errno", "notifier_to_errno"},
    "rtnl_model.kernel.fixes": {"fixes_of"},
    "rtnl_model.kernel.links": {"is_valid_ether_addr"},
    "rtnl_model.kernel.links.drivers": {"driver_table"},
}
"""Functions that a kernel file may call directly: no state, nothing that an overlay would wrap."""

IO = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
IMPURE_MODULES = {
    "threading", "_thread", "time", "random", "secrets", "os", "io", "socket", "subprocess",
    "pathlib", "tempfile", "shutil", "select", "selectors", "signal", "asyncio", "multiprocessing",
    "concurrent", "structlog", "logging", "datetime", "uuid",
}  # fmt: skip
ALLOWED_IMPURE = {
    ("lockcheck.core.leaf", "_thread"): "the engine's own lock, a leaf",
    ("lockcheck.core.collecting", "_thread"): "counts pauses of the process-wide collector",
}
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_MADE = {
    "list", "dict", "set", "bytearray", "defaultdict", "Counter", "deque", "OrderedDict",
    "WeakKeyDictionary", "WeakValueDictionary", "WeakSet", "local",
}  # fmt: skip
MUTATORS = {
    "append", "extend", "insert", "remove", "pop", "popitem", "clear", "add", "discard", "update",
    "setdefault", "sort", "reverse", "appendleft", "popleft", "__setitem__", "__delitem__",
}  # fmt: skip
FORBIDDEN_SOURCES = {
    "id": "id() differs between runs",
    "hash": "hash(str) differs between runs",
    "time.time": "wall clock",
    "datetime.now": "wall clock",
    "random.random": "module-level random",
    "random.choice": "module-level random",
    "random.randrange": "module-level random",
    "random.randint": "module-level random",
    "random.shuffle": "module-level random",
}
DETERMINISTIC = (
    "lockcheck.core",
    "lockcheck.conduct",
    "lockcheck.explore",
    "rtnl_model.kernel",
)


LINES = 400
"""More than these are a question."""


def floor_of(module: str) -> int:
    """The floor a module stands on: the longest matching prefix decides; -1: none."""
    best = (-1, -1)
    for level, names in enumerate(FLOORS):
        for name in names:
            top = name in ("lockcheck", "rtnl_model")
            if (module == name if top else within(module, name)) and len(name) > best[0]:
                best = (len(name), level)
    return best[1]


def upward_imports(source: Source) -> Iterator[str]:
    """A module imports from its own floor or from those below it."""
    for module in source.modules():
        own = floor_of(module.name)
        if own < 0:
            yield f"{module.path}: {module.name} stands on no floor: add it to FLOORS"
            continue
        for each in module.imports():
            target = each.module
            if not target.startswith(("lockcheck", "rtnl_model")) or allowed_up(module, target):
                continue
            if floor_of(target) > own:
                yield f"{module.at(each.line)}: {module.name} imports {target}, which is above it"


def allowed_up(module: Module, target: str) -> bool:
    """Is it one of the few imports that may go up?"""
    return any(module.name == a and within(target, b) for a, b in UPWARD)


def cycles(source: Source) -> Iterator[str]:
    """Modules do not import each other in a cycle, not for the type checker either.

    The kernel's own files (device, namespace, notifier, what a driver is) are one subject, and one
    node here; a driver, a fix and what puts a kernel together stand outside.  A package's face
    hands names on and is not looked at.
    """
    below: dict[str, set[str]] = {}
    for module in source.modules():
        if is_face(source, module.name):
            continue
        here = subject(module.name)
        for each in module.imports(typing=True):
            if each.module not in source.by_name or is_face(source, each.module):
                continue
            there = subject(each.module)
            if here != there or here == module.name:
                below.setdefault(here, set()).add(there)
    sorter = graphlib.TopologicalSorter({name: sorted(below[name]) for name in sorted(below)})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        first = source.by_name.get(error.args[1][0])
        where = first.path if first is not None else KERNEL
        yield f"{where}: {' <- '.join(error.args[1])}"


KERNEL = "rtnl_model.kernel"


def subject(module: str) -> str:
    """The module, or all of the kernel's own files as one."""
    own = module.rpartition(".")[0] == KERNEL and module != f"{KERNEL}.assembly"
    return f"{KERNEL}.*" if own else module


def is_face(source: Source, name: str) -> bool:
    """Is it a package's `__init__`?"""
    return source.by_name[name].path.stem == "__init__"


def model_in_lockcheck(source: Source) -> Iterator[str]:
    """lockcheck is a product of its own: it neither imports nor names the model."""
    for module in source.modules("lockcheck"):
        for each in module.imports(typing=True):
            if within(each.module, "rtnl_model"):
                yield f"{module.at(each.line)}: imports {each.module}"


def past_the_faces(source: Source) -> Iterator[str]:
    """rtnl_model imports lockcheck only through its faces, for the type checker too."""
    for module in source.modules("rtnl_model"):
        for each in module.imports(typing=True):
            if not within(each.module, "lockcheck"):
                continue
            face, name = each.module, each.name
            if face not in FACES:  # a module that a face names
                face, _, name = each.module.rpartition(".")
            if face not in FACES:
                yield f"{module.at(each.line)}: imports {each.module}, which is no face"
            elif name not in ("", "__version__", *source.by_name[face].public()):
                yield f"{module.at(each.line)}: imports {name}, which is not in {face}.__all__"


def impure_core(source: Source) -> Iterator[str]:
    """The engine is pure: operations in, verdicts out; no thread, clock, randomness or I/O."""
    for module in source.modules("lockcheck.core"):
        for each in module.imports():
            top = each.module.split(".")[0]
            if top in IMPURE_MODULES and (module.name, top) not in ALLOWED_IMPURE:
                yield f"{module.at(each.line)}: imports {each.module}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = node.func.id
                if called in IO and (module.name, called) not in ALLOWED_IMPURE:
                    yield f"{module.at(node)}: calls {called}()"


def module_state(source: Source) -> Iterator[str]:
    """Everything of a run belongs to one Kernel: module and class level hold constants only."""
    for module in source.modules("rtnl_model"):
        shared: set[str] = set()
        for node in module.tree.body:
            for name, value in bindings(node):
                if not is_mutable(value):
                    continue
                shared.add(name)
                if not (name.lstrip("_").isupper() or name[:1].isupper() or name.startswith("__")):
                    yield f"{module.at(node)}: {name} is mutable and no constant"
        for inner in ast.walk(module.tree):
            if isinstance(inner, ast.Global):
                yield f"{module.at(inner)}: global"
            elif isinstance(inner, ast.ClassDef):
                yield from class_state(module, inner)
            changed = changed_name(inner)
            if changed in shared:
                yield f"{module.at(inner)}: changes {changed}, which belongs to the module"


def class_state(module: Module, node: ast.ClassDef) -> Iterator[str]:
    """A mutable value in a class body is shared by every instance of every run."""
    for inner in node.body:
        for name, value in bindings(inner):
            if is_mutable(value) and not name.startswith("__"):
                yield f"{module.at(inner)}: {node.name}.{name} is shared by all instances"


def bindings(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Names that a statement binds at its level, with their values."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value


def is_mutable(value: ast.expr) -> bool:
    """A list, dict or set, written or made by a call."""
    if isinstance(value, ast.Call):
        made = value.func
        name = made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")
        return name in MUTABLE_MADE
    return isinstance(value, MUTABLE)


def changed_name(node: ast.AST) -> str:
    """The name of what a statement or a call changes in place, or empty."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in MUTATORS
    ):
        return node.func.value.id if isinstance(node.func.value, ast.Name) else ""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return node.value.id if isinstance(node.value, ast.Name) else ""
    return ""


def direct_calls(source: Source) -> Iterator[str]:
    """Kernel files call each other through the Kernel: an overlay would miss a direct call."""
    for module in source.modules("rtnl_model.kernel"):
        names: dict[str, tuple[str, str]] = {}
        files: dict[str, str] = {}
        for each in module.imports():
            if not within(each.module, "rtnl_model.kernel"):
                continue
            if each.name:
                names[each.local] = (each.module, each.name)
            else:
                files[each.local] = each.module
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            called = called_function(node, names, files)
            if called is None:
                continue
            home, name = called
            if is_function(source, home, name) and name not in DECLARED_PURE.get(home, ()):
                yield f"{module.at(node)}: calls {name} of {home} directly"


def called_function(
    node: ast.Call, names: dict[str, tuple[str, str]], files: dict[str, str]
) -> tuple[str, str] | None:
    """Module and name of an imported function that is called here."""
    func = node.func
    if isinstance(func, ast.Name):
        return names.get(func.id)
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        home = files.get(func.value.id)
        return None if home is None else (home, func.attr)
    return None


def is_function(source: Source, module: str, name: str) -> bool:
    """Is it a function there, not a class?"""
    home = source.by_name.get(module)
    return home is not None and name in home.functions()


def not_pure(source: Source) -> Iterator[str]:
    """What DECLARED_PURE names exists, changes nothing, and calls nothing that does."""
    for home, names in DECLARED_PURE.items():
        module = source.by_name.get(home)
        functions = module.functions() if module is not None else {}
        for name in sorted(names):
            if module is None or name not in functions:
                yield f"DECLARED_PURE names {home}.{name}, which does not exist"
                continue
            for node in ast.walk(functions[name]):
                why = impurity(node, functions)
                if why:
                    yield f"{module.at(node)}: {name} is declared pure and {why}"


def impurity(node: ast.AST, beside: dict[str, ast.FunctionDef]) -> str:
    """Why a node does not belong into a pure function, or empty."""
    if isinstance(node, ast.Global | ast.Nonlocal | ast.Await | ast.Yield):
        return "keeps state"
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        return f"sets {node.attr}"
    if isinstance(node, ast.Attribute) and node.attr in ("k", "chk"):
        return "uses the kernel"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in IO:
            return f"calls {node.func.id}()"
        if node.func.id in beside:
            return next((w for n in ast.walk(beside[node.func.id]) if (w := impurity(n, {}))), "")
    return ""


def without_a_reason(source: Source) -> Iterator[str]:
    """`Any`, `type: ignore` and getattr by a name say why, in a comment of their statement."""
    for module in source.modules():
        for statement in module.statements():
            comments = [token.string for token in statement if token.type == tokenize.COMMENT]
            for comment in comments:
                found = re.search(r"type: ignore(\[[\w, -]+\])?(\s*#.*\w)?", comment)
                if found is not None and found[2] is None:
                    yield f"{module.at(statement[0].start[0])}: type: ignore without a reason"
            names = {token.string for token in statement if token.type == tokenize.NAME}
            said = any("type: ignore" not in each or each.count("#") > 1 for each in comments)
            for name in sorted(names & {"Any", "getattr"}):
                if not said and "import" not in names:
                    yield f"{module.at(statement[0].start[0])}: {name} without a reason"


def differs_between_runs(source: Source) -> Iterator[str]:
    """No id(), hash(), wall clock or module-level random where runs must repeat."""
    for room in DETERMINISTIC:
        for module in source.modules(room):
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call):
                    reason = FORBIDDEN_SOURCES.get(ast.unparse(node.func))
                    if reason is not None:
                        yield f"{module.at(node)}: {ast.unparse(node.func)}(): {reason}"


def cupboards(source: Source) -> Iterator[str]:
    """No room that anything could be put into."""
    for module in source.modules():
        last = module.name.rsplit(".", 1)[-1].strip("_")
        if last in ("utils", "util", "helpers", "helper", "common", "base", "manager"):
            yield f"{module.path}: {module.name}"


def long_without_why(source: Source) -> Iterator[str]:
    """A long file has two nouns; where it has one, its docstring says so: `One file: …`."""
    for module in source.modules():
        lines = module.text.count("\n")
        if lines > LINES and "One file: " not in (ast.get_docstring(module.tree) or ""):
            yield f"{module.path}: {lines} lines, and no `One file: …` in its docstring"


def without_docstring(source: Source) -> Iterator[str]:
    """A file says what it is for."""
    for module in source.modules():
        if not ast.get_docstring(module.tree):
            yield f"{module.path}: no docstring"
