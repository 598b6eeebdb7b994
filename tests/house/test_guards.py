"""Every attribute of a kernel object that changes says in its class body what protects it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

KERNEL = Path(__file__).resolve().parents[2] / "rtnl_model" / "kernel"

STATEMENTS = {"guarded", "own", "constant", "shared"}
SELF_LOCKED = {"AtomicRef", "Counts", "Lock", "LockMap", "Marks", "Parking", "Refcount", "RWLock"}
"""Primitives: they say themselves how they are used."""
CHANGERS = {
    "add", "append", "clear", "difference_update", "discard", "extend", "insert", "pop", "popitem",
    "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip

MACHINERY = {
    "Assertions": "files findings; its log and statistics are the model's own",
    "Composed": "classes made for overlays",
    "Frame": "the model's call stack",
    "Kernel": "services and statistics; its counters say what protects them",
    "LinkRequest": "one request, its sender's",
    "Probe": "the trace",
    "RtnlEvents": "what listeners heard",
    "QueueCreateRequest": "one request, its sender's",
    "QueueListing": "an answer to user space",
    "Task": "what the model knows of one thread: that thread's own",
    "TwoFrames": "the model's call stack",
}
"""No kernel objects: what the model needs around them, and why."""

BUILT_ONCE = {
    "NetDevice": {"instance_lock", "lock", "used_after_free", "refcnt", "netdev_ops",
                  "rtnl_link_ops", "addr_len", "parent",
                  "ops_locked", "netns_immutable", "vlan_challenged", "no_rx_handler",
                  "_priv", "chk"},
    "Net": {"rtnl_mutex", "dev_unreg_lock", "nsid_lock", "count", "passive", "work", "worker",
            "rtnl_guard", "adjacent_guard", "pernet_ops_rwsem", "net_rwsem", "loopback_dev"},
    "PrivateArea": {"netdev", "chk", "label"},
}  # fmt: skip
"""Set by whoever makes the object, before anybody else knows it."""


class Attribute:
    """One attribute of a class: whether the class states its guard, and where it changes."""

    def __init__(self) -> None:
        self.stated = False
        self.changed: list[str] = []


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class of the kernel, with its file."""
    for path in sorted(KERNEL.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield path.relative_to(KERNEL).as_posix(), node


def names_in(node: ast.AST | None) -> set[str]:
    """Every plain name in an expression."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} if node else set()


def stated(cls: ast.ClassDef) -> dict[str, bool]:
    """Attributes of the class body, and whether each says what protects it."""
    found: dict[str, bool] = {}
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            words = names_in(node.annotation) | names_in(node.value)
            found[node.target.id] = bool(words & (STATEMENTS | {"Bookkeeping"} | SELF_LOCKED))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = bool(names_in(node.value) & STATEMENTS)
    return found


def changes(function: ast.FunctionDef) -> Iterator[tuple[ast.expr, str, int]]:
    """(object, attribute, line) of everything that a function changes."""
    for node in ast.walk(function):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = [
                part
                for target in node.targets
                for part in (target.elts if isinstance(target, ast.Tuple) else [target])
            ]
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            changed = node.func.value if node.func.attr in CHANGERS else None
            targets = [ast.Subscript(changed, ast.Constant(0), ast.Store())] if changed else []
        for target in targets:
            inner = target.value if isinstance(target, ast.Subscript) else target
            if isinstance(inner, ast.Attribute):
                yield inner.value, inner.attr, node.lineno


def attributes() -> dict[tuple[str, str], Attribute]:
    """(class, attribute) -> what is known of it, over the whole kernel."""
    found: dict[tuple[str, str], Attribute] = {}
    elsewhere: list[tuple[str, str]] = []
    for file, cls in classes():
        for name, says in stated(cls).items():
            found.setdefault((cls.name, name), Attribute()).stated |= says
        for function in cls.body:
            if not isinstance(function, ast.FunctionDef):
                continue
            for owner, name, line in changes(function):
                mine = isinstance(owner, ast.Name) and owner.id == "self"
                if mine:
                    attribute = found.setdefault((cls.name, name), Attribute())
                    if function.name != "__init__":
                        attribute.changed.append(f"{file}:{line}")
                else:
                    elsewhere.append((name, f"{file}:{line}"))
    spoken_for = {name for (_cls, name), attribute in found.items() if attribute.stated}
    spoken_for |= {name for names in BUILT_ONCE.values() for name in names}
    for name, where in elsewhere:  # whose it is only types would say: one class speaks for a name
        for (_cls, attribute_name), attribute in found.items():
            if attribute_name == name and name not in spoken_for:
                attribute.changed.append(where)
    return found


def bases() -> dict[str, set[str]]:
    """Class -> its bases of the kernel, transitively."""
    direct = {
        cls.name: {base.id for base in cls.bases if isinstance(base, ast.Name)}
        for _file, cls in classes()
    }
    closed: dict[str, set[str]] = {}
    for name in direct:
        seen: set[str] = set()
        todo = [name]
        while todo:
            for base in direct.get(todo.pop(), set()) - seen:
                seen.add(base)
                todo.append(base)
        closed[name] = seen
    return closed


def unstated() -> dict[str, list[str]]:
    """`Class.attribute` -> where it changes, of those that say nothing."""
    known = attributes()
    above = bases()
    says = {key for key, attribute in known.items() if attribute.stated}
    missing: dict[str, list[str]] = {}
    for (cls, name), attribute in known.items():
        line = {cls, *above.get(cls, set())}
        if line & set(MACHINERY) or any((one, name) in says for one in line):
            continue
        if any(name in BUILT_ONCE.get(one, set()) for one in line) or not attribute.changed:
            continue
        missing[f"{cls}.{name}"] = attribute.changed
    return missing


def test_every_attribute_that_changes_says_what_protects_it() -> None:
    """Who adds state to the kernel says under which lock it changes, in the class body."""
    assert unstated() == {}


def test_the_rule_sees_a_forgotten_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class with a flag that some function sets, and no word about it, is found."""
    source = """
class Port:
    def __init__(self):
        self.users = 0
        self.made = 1
class Driver:
    def join(self, port):
        port.users += 1
"""
    found = [("port.py", node) for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    monkeypatch.setattr("tests.house.test_guards.classes", lambda: iter(found))

    assert unstated() == {"Port.users": ["port.py:8"]}
