"""Conformity: the same scenarios on the model and as a real kernel recorded them, compared.

Three levels, each of which includes the one below (contract 5).  L1: status, errno and extended
acknowledgement of every command, and every namespace's devices after every op.  L2: the events of
each namespace that make a device appear, vanish or move, in order.  L3: the trace, by context.
Of a `par` op only the devices are compared; when its commands were answered otherwise than recorded
or ran into a defect that this kernel is known to have, the race went another way: differences from
there on are shown but do not count.

What a recording does not show is not compared: nsids in the initial namespace (its boot's history;
its indexes are compared from where the recording machine was), the name behind a `lower` that the
recorder could not resolve, and what `forgive` says of link watch.  A scenario with a kind that
exactly one side lacks is left out, and counted.

One file: one comparison, level by level; what is forgiven stands beside what is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rtnl_model.kernel.documents import Document, Fields

from ..iproute.commands import LinkAdd, Par, PhysAdd, Script, Single
from ..kernel.probe import RETURNS
from .conform_contexts import contexts

__all__ = ["LEVELS", "Conformity", "Difference", "compare", "compare_scenario", "left_out"]

LATE = frozenset({"UP", "DOWN", "UNKNOWN", "LOWERLAYERDOWN"})
MASTERS = frozenset({"bridge", "bond", "team"})
"""Their carrier follows their slaves."""
LEVELS = ("L1", "L2", "L3")
INIT = "init"
PHYSICAL = "ether"
"""Physical devices are born in init and take their index along."""
Op = Document
Runner = Callable[[Script, int], Document]
"""Runs a script on a model whose initial namespace gives out indexes from that number."""
INFO = (
    *("mode", "id", "port", "dstport", "ethertype", "local", "remote", "role"),
    *("peer_netns", "primary", "link", "if_id", "table"),
)
"""What the recordings keep of a kind's own data."""
_EVENT_FIELDS = (
    "ev",
    "ifname",
    "ifindex",
    "kind",
    "up",
    "link",
    "link_nsid",
    "new_nsid",
    "new_ifindex",
    "master",
    "family",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as recorded."""

    scenario: str
    op: int
    level: str
    what: str
    recorded: str
    model: str
    after_race: bool = False
    """A par op before it was answered otherwise: another history, so it does not count."""

    def __str__(self) -> str:
        race = " (after a race that went another way, not counted)" if self.after_race else ""
        return (
            f"{self.scenario} op {self.op} {self.level} {self.what}{race}:\n"
            f"    recorded: {self.recorded}\n    model:    {self.model}"
        )

    def to_dict(self) -> Fields:
        """For --json."""
        return {
            "scenario": self.scenario,
            "op": self.op,
            "level": self.level,
            "what": self.what,
            "recorded": self.recorded,
            "model": self.model,
            "after_race": self.after_race,
        }


@dataclass(slots=True)
class Conformity:
    """What came out."""

    compared: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def agreeing(self, level: str) -> list[str]:
        """The scenarios that agree at `level` and all below it."""
        below = LEVELS[: LEVELS.index(level) + 1]
        bad = {d.scenario for d in self.differences if d.level in below and not d.after_race}
        return [name for name in self.compared if name not in bad]

    def percent(self, level: str) -> float:
        """Agreement in percent of the scenarios that were compared."""
        return 100.0 * len(self.agreeing(level)) / len(self.compared) if self.compared else 0.0

    def to_dict(self) -> Fields:
        """For --json."""
        return {
            "schema": "rtnl-model/conform/1",
            "compared": len(self.compared),
            "left_out": self.left_out,
            "levels": {
                level: {
                    "agree": len(self.agreeing(level)),
                    "percent": round(self.percent(level), 2),
                }
                for level in LEVELS
            },
            "differences": [d.to_dict() for d in self.differences],
        }


def compare(
    scripts: Sequence[Script],
    golden: Document,
    run: Runner,
    *,
    kinds: frozenset[str],
    progress: Callable[[str], None] = lambda _name: None,
) -> Conformity:
    """Run every scenario that `golden` has a result for, and compare."""
    found = Conformity()
    lacking = lacking_kinds(scripts, golden)
    functions = probed_functions(golden)
    for script in scripts:
        result = golden["results"].get(script.name)
        if result is None:
            found.left_out[script.name] = "not in the recording"
            continue
        why = left_out(script, kinds, lacking)
        if why:
            found.left_out[script.name] = why
            continue
        progress(script.name)
        found.compared.append(script.name)
        document = run(script, first_ifindex(result))
        found.differences += compare_scenario(script, result, document, functions)
    return found


# -- what counts --


def first_ifindex(result: Document) -> int:
    """The first index that the recording machine's initial namespace gave out here; 0: none.

    To a device made there, or to one that came there and could not keep its own.
    """
    for op in result["ops"]:
        moved: dict[str, Op] = {}
        for event in op.get("events", ()):
            if "new_nsid" in event:
                moved[event["ifname"]] = event
            elif event["ns"] == INIT and event["change"] == "all" and event["ev"] == "NEWLINK":
                before = moved.get(event["ifname"])
                if before is None or before["ifindex"] != event["ifindex"]:
                    index: int = event["ifindex"]
                    return index
    return 0


def probed_functions(golden: Document) -> frozenset[str]:
    """Functions that both sides show; a return only where the recording and the model have it."""
    found = set(golden.get("trace_functions", ()))
    seen = {
        line["fn"]
        for result in golden["results"].values()
        for op in result["ops"]
        for line in op.get("trace", ())
    }
    return frozenset(found | {fn for fn in seen if fn.removesuffix("_ret") in RETURNS})


def lacking_kinds(scripts: Sequence[Script], golden: Document) -> frozenset[str]:
    """Kinds that the recording kernel did not know: their adds say so."""
    unknown: set[str] = set()
    for script in scripts:
        result = golden["results"].get(script.name)
        for op in result["ops"] if result else ():
            for cmd in op["cmds"]:
                texts = {e.get("extack") for e in cmd.get("nlerr") or ()}
                words = cmd["cmd"].split()
                if "Unknown device type" in texts and "type" in words[:-1]:
                    unknown.add(words[words.index("type") + 1])
    return frozenset(unknown)


def left_out(script: Script, kinds: frozenset[str], lacking: frozenset[str]) -> str:
    """Why a scenario is not compared: a kind that exactly one side lacks; empty if it is."""
    for command in script.commands():
        if isinstance(command, LinkAdd) and command.kind:
            kind = command.kind
        elif isinstance(command, PhysAdd):
            kind = "phys"
        elif isinstance(command, Single):
            kind = "netkit"
        else:
            continue
        if (kind in kinds) == (kind in lacking):
            who = "the recording kernel" if kind in lacking else "the model"
            return f"{who} lacks {kind}"
    return ""


# -- one scenario --


def compare_scenario(
    script: Script, result: Document, document: Document, functions: frozenset[str]
) -> list[Difference]:
    """Every difference of one scenario."""
    found: list[Difference] = []
    ops = document["ops"]
    raced = False

    def differ(op: int, level: str, what: str, recorded: object, model: object) -> None:
        found.append(Difference(script.name, op, level, what, str(recorded), str(model), raced))

    hung, recorded_hung = hung_op(ops), result.get("hung")
    for recorded, model in zip(result["ops"], ops, strict=False):
        index = recorded["i"]
        par = isinstance(script.steps[index], Par)
        raced = raced or (par and index == hung != recorded_hung and all_known(document))
        for level, what, one, other in _op_differences(recorded, model, functions, par=par):
            differ(index, level, what, one, other)
        raced = raced or (par and not same_race(recorded, model))
    if hung != recorded_hung:
        differ(
            next(i for i in (hung, recorded_hung) if i is not None),
            "L1",
            "hung",
            recorded_hung,
            hung,
        )
    if len(ops) < len(result["ops"]):
        differ(len(ops), "L1", "ops", len(result["ops"]), len(ops))
    return found


def hung_op(ops: Sequence[Op]) -> int | None:
    """The op in which the model got stuck."""
    return next((op["i"] for op in ops if op.get("hung")), None)


def all_known(document: Document) -> bool:
    """Is everything that was found a known defect of that kernel?  A race may show one or not."""
    return all(finding.get("tag") for finding in document["findings"])


def _op_differences(
    recorded: Op, model: Op, functions: frozenset[str], *, par: bool
) -> Iterator[tuple[str, str, object, object]]:
    pairs = paired(recorded["cmds"], model["cmds"])
    if not par:
        for i, (one, other) in enumerate(pairs):
            if answer(one) != answer(other):
                yield "L1", f"answer to {one['cmd']!r} ({i})", answer(one), answer(other)
        if len(pairs) != len(recorded["cmds"]):
            yield "L1", "commands", len(recorded["cmds"]), len(pairs)
    yield from _device_differences(recorded["devices"], model["devices"])
    if par:
        return
    one_events, other_events = events_by_netns(recorded), events_by_netns(model)
    for ns in sorted(one_events.keys() | other_events.keys()):
        if one_events.get(ns) != other_events.get(ns):
            yield "L2", f"events in {ns}", one_events.get(ns), other_events.get(ns)
    one_trace = contexts(recorded.get("trace", ()), [c["pid"] for c, _ in pairs], functions)
    other_trace = contexts(model.get("trace", ()), [c["pid"] for _, c in pairs], functions)
    for name in sorted(one_trace.keys() | other_trace.keys()):
        lines, others = one_trace.get(name), other_trace.get(name)
        if lines != others:
            yield "L3", f"trace of {name}", *first_difference(lines, others)


def paired(
    recorded: Sequence[Document], model: Sequence[Document]
) -> list[tuple[Document, Document]]:
    """Each recorded command with the model's; the recorder lost a few that were no `ip`."""
    out: list[tuple[Document, Document]] = []
    rest = list(model)
    for one in recorded:
        at = next((i for i, other in enumerate(rest) if other["cmd"] == one["cmd"]), None)
        if at is not None:
            out.append((one, rest[at]))
            del rest[: at + 1]
    return out


def same_race(recorded: Op, model: Op) -> bool:
    """Did the commands of a par op end as recorded?  If not, what follows has another history."""
    return all(
        answer(a) == answer(b) and a.get("stdout") == b.get("stdout")
        for a, b in paired(recorded["cmds"], model["cmds"])
    )


def answer(cmd: Document) -> tuple[object, ...]:
    """Status, and errno and extack of each netlink error."""
    errors = [(e["errno"], e.get("extack", "")) for e in cmd.get("nlerr") or ()]
    return (cmd["rc"], errors)


def first_difference(
    one: Sequence[Sequence[str]] | None, other: Sequence[Sequence[str]] | None
) -> tuple[str, str]:
    """Where two contexts part, with the line before."""
    if one is None or other is None:
        return (_brief(one), _brief(other))
    at = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    return tuple(
        f"line {at} of {len(lines)}: "
        + " | ".join(" ".join(t) for t in lines[max(0, at - 1) : at + 2])
        for lines in (one, other)
    )  # type: ignore[return-value]  # of the same shape


def _brief(lines: Sequence[Sequence[str]] | None) -> str:
    if lines is None:
        return "no such context"
    return f"{len(lines)} lines: " + " | ".join(" ".join(t) for t in lines[:4])


# -- devices and events --


def _device_differences(
    recorded: Mapping[str, Sequence[Document]], model: Mapping[str, Sequence[Document]]
) -> Iterator[tuple[str, str, object, object]]:
    recorded = {ns: devices for ns, devices in recorded.items() if devices}  # one has at least lo
    if recorded.keys() != model.keys():
        yield "L1", "namespaces", sorted(recorded), sorted(model)
    for ns in recorded.keys() & model.keys():
        one = [comparable(d, ns) for d in recorded[ns]]
        other = [comparable(d, ns) for d in model[ns]]
        for i, device in enumerate(one):
            if i < len(other):
                forgive(device, other[i])
        if one != other:
            only, others = [d for d in one if d not in other], [d for d in other if d not in one]
            if not only and not others:  # the same ones, in another order or number
                only, others = ([d["ifname"] for d in side] for side in (one, other))
            yield "L1", f"devices in {ns}", only, others


def comparable(device: Document, ns: str) -> Fields:
    """A device without what the recording machine's history decides."""
    out = {key: dict(v) if isinstance(v, Mapping) else v for key, v in device.items()}
    out["info"] = {key: v for key, v in out.get("info", {}).items() if key in INFO}
    if ns == INIT or out["kind"] == PHYSICAL:
        del out["ifindex"]
    for key in ("lower", "backend"):
        if key in out:
            if ns == INIT:
                out[key].pop("nsid", None)
            if out[key].get("netns") == INIT:
                out[key].pop("ifindex", None)
    return out


def forgive(recorded: Fields, model: Document) -> None:
    """Take from the model what the recording leaves to chance.

    A `lower` that the recorder could not follow when it looked.  The number of an nsid, which is
    the order in which the recorder happened to ask.  Whether link watch, which runs at most once a
    second, had said a running device's carrier yet: either end of a pair shows UP in one recording
    and DOWN in the next of the same commands.
    """
    for key in ("lower", "backend"):
        one, other = recorded.get(key), model.get(key)
        if one is None or other is None:
            continue
        if one.get("ifname", "") is None:
            recorded[key] = other
        elif "nsid" in one and other.get("nsid", -1) >= 0:
            one["nsid"] = other["nsid"]
    if recorded["up"] and model.get("up"):
        linked = "lower" in recorded or recorded["kind"] in (PHYSICAL, *MASTERS)
        if linked and {recorded["operstate"], model["operstate"]} <= LATE:
            recorded["operstate"] = model["operstate"]


def events_by_netns(op: Op) -> dict[str, list[Fields]]:
    """The events that make a device appear, vanish or move, per namespace in order."""
    found: dict[str, list[Fields]] = {}
    for event in op.get("events", ()):
        if event["change"] != "all" and "new_nsid" not in event:
            continue
        told = {key: event[key] for key in _EVENT_FIELDS if key in event}
        if event["ns"] == INIT:
            for key in ("ifindex", "link", "link_nsid", "new_nsid"):
                told.pop(key, None)
        if "kind" not in event:
            for key in ("ifindex", "new_ifindex"):
                told.pop(key, None)
        found.setdefault(event["ns"], []).append(told)
    return found
