"""`rtnl-model demo`: the series' example, what goes wrong without it, and what it is good for.

Five acts, each of which says what it must show and checks that it did:

1. the cover letter in `small`, as its author traced it: veth_dellink, ipvlan_uninit, free_netdev.
   One worker thread serves both namespaces of the uppers, as the kernel's work queue does on one
   CPU; then the same with a worker a namespace;
2. why the namespaces cannot be locked in advance instead: an upper appears meanwhile;
3. the same in `naive`, with somebody going the other way: the ABBA between two namespaces' locks;
4. a short stress in `global` and in `pernet`, side by side;
5. the report folder (the caller's part).

Names below are those of the cover letter, which is `topologies/T1.ip`.  The first act runs in
logical time, with the kernel's own lengths of every wait, so that its order is the same every time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from lockcheck import Recorder
from rtnl_model.iproute import parse_script
from rtnl_model.kernel.documents import Document, Fields

from ..view.trace import probe_lines
from .frozen import collect_and_lock
from .logical_run import record_logical
from .model_run import ModelSetting, Recorded, record
from .stress import Stress, StressOptions, StressResult
from .stress_boot import stress_kernel
from .topologies import topology

__all__ = ["Claim", "Demo"]

COVER_LETTER: Final = "T1"
LOWER: Final = "veth0"
CALLER: Final = "caller"
WORKER: Final = "worker"
UPPERS: Final = ("ipvl2", "ipvl3")
TRACED: Final = frozenset({"veth_dellink", "ipvlan_uninit", "free_netdev"})
ONE_WORKER: Final = (
    ("veth_dellink", "veth0", CALLER),
    ("ipvlan_uninit", "ipvl2", WORKER),
    ("free_netdev", "ipvl2", WORKER),
    ("ipvlan_uninit", "ipvl3", WORKER),
    ("free_netdev", "veth0", CALLER),
    ("free_netdev", "ipvl3", WORKER),
)
"""The order of the author's trace, and whose context each line is; veth1, which has no upper, is
freed by the caller somewhere among them."""
OTHER_WAY: Final = """
ip -n ns3 link add back0 type veth peer back1 netns ns1
ip -n ns1 link del veth0 & ip -n ns3 link del back0 & wait
"""
"""A second user, who goes from the last namespace to the first, while the caller comes."""
STRESS_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Claim:
    """Something the demo shows, and whether it did."""

    text: str
    shown: bool

    def __str__(self) -> str:
        return f"  {'ok' if self.shown else 'NOT SHOWN'}: {self.text}"


@dataclass(slots=True)
class Demo:
    """The acts, in order; `claims` fills as they run."""

    seed: int
    write: Callable[[str], object]
    claims: list[Claim] = field(default_factory=list)
    runs: list[Recorded] = field(default_factory=list)
    stresses: list[tuple[Stress, StressResult]] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Was one of the acts cut short?"""
        return any(run.interrupted for run in self.runs) or any(
            result.interrupted for _stress, result in self.stresses
        )

    def run(self) -> bool:
        """All acts; True when everything was shown."""
        for act in (self.cover_letter, self.frozen, self.naive, self.side_by_side):
            act()
            if self.interrupted:
                return False
        return all(claim.shown for claim in self.claims)

    def claim(self, text: str, *, shown: bool) -> None:
        """Say it, and whether it is so."""
        claim = Claim(text, shown)
        self.claims.append(claim)
        self.write(f"{claim}\n")

    # -- act 1 --

    def cover_letter(self) -> None:
        """`small`: the trace of the series' author, and what it proves."""
        self.write("1. The cover letter in `small` (CONFIG_DEBUG_NET_SMALL_RTNL=y)\n\n")
        text = topology(COVER_LETTER)
        self.write("".join(f"   # {line}\n" for line in commands_of(text)) + "\n")
        self.write("   One worker for both uppers (--workers percpu --cpus 1)\n\n")
        recorded = self.traced(text, workers="percpu", cpus=1)
        trace, caller = deletion(recorded)
        self.claim(
            "one worker unregisters both uppers, one after the other; the caller frees veth0"
            " between ipvl3's uninit and its free",
            shown=contexts_of(trace, caller) == list(ONE_WORKER)
            and len({line["pid"] for line in trace if line["pid"] != caller}) == 1,
        )
        self.conclude(recorded)
        self.write("   A worker thread a namespace (--workers netns)\n\n")
        recorded = self.traced(text, workers="netns", cpus=2)
        trace, caller = deletion(recorded)
        for upper in UPPERS:
            pids = [r["pid"] for r in trace if r["fn"] == "ipvlan_uninit" and r["dev"] == upper]
            self.claim(
                f"{upper} was unregistered by a thread other than the caller's",
                shown=len(pids) == 1 and pids[0] != caller,
            )
        uninits = {r["pid"] for r in trace if r["fn"] == "ipvlan_uninit"}
        self.claim("by two threads, one of each namespace", shown=len(uninits) == len(UPPERS))
        self.claim(
            f"{LOWER} was freed by the caller, after both ipvlan_uninit",
            shown=freed_last(trace, caller),
        )
        self.conclude(recorded)
        self.write("\n")

    def traced(self, text: str, *, workers: str, cpus: int) -> Recorded:
        """Run it, and print the probe lines of its last command."""
        recorded = record_logical(
            parse_script(text, COVER_LETTER),
            ModelSetting(rtnl="small", workers=workers, cpus=cpus, timing="idle"),
            timeline=True,
        )
        self.runs.append(recorded)
        trace, _caller = deletion(recorded)
        self.write("".join(probe_lines(line) for line in trace))
        return recorded

    def conclude(self, recorded: Recorded) -> None:
        """What holds of either kind of worker."""
        ops = recorded.document["ops"]
        self.claim("no device is left but lo", shown=bool(ops) and only_lo(ops[-1]["devices"]))
        self.claim("lockcheck found no problems", shown=bool(ops) and not recorded.findings)
        self.write("\n")

    # -- act 2 --

    def frozen(self) -> None:
        """Look where the uppers live, lock those namespaces, look again."""
        self.write("2. Could the namespaces be locked in advance?\n\n")
        found = collect_and_lock()
        for one in found.rounds:
            self.write(f"   the uppers of {LOWER} live in {' '.join(one.locked[1:])}\n")
            self.write(f"   # {one.command}      (another user, at this moment)\n")
            self.write(
                f"   locked: {' '.join(one.locked)}; not covered: {' '.join(one.outside)}\n\n"
            )
        self.claim(
            "each time an upper appeared between collecting and locking, in one more namespace",
            shown=bool(found.rounds) and all(one.outside for one in found.rounds),
        )
        self.claim(
            "delegated, the deletion needs no such list: no device is left but lo",
            shown=found.only_lo_left and not found.findings,
        )
        self.write("\n")

    # -- act 3 --

    def naive(self) -> None:
        """`naive`: whoever meets a foreign device takes its namespace's lock."""
        self.write("3. The same in `naive`, where a foreign netns' lock is taken on the spot\n\n")
        lines = [line for line in commands_of(topology(COVER_LETTER)) if "link del" not in line]
        text = "\n".join(lines) + OTHER_WAY
        self.write("".join(f"   # {line}\n" for line in commands_of(OTHER_WAY)) + "\n")
        recorded = record(
            parse_script(text, COVER_LETTER), ModelSetting(rtnl="naive"), keep_going=True,
            seed=self.seed, recorder=Recorder(),
        )  # fmt: skip
        self.runs.append(recorded)
        found = [f for f in recorded.findings if is_abba(f)]
        if found:
            self.write("".join(f"   {line}\n" for line in found[0]["text"].splitlines()) + "\n")
        self.claim("the ABBA between two namespaces' locks is reported", shown=bool(found))
        if recorded.document.get("hung") is not None:
            self.write("  (this time it did hang; the watchdog ended it, every thread is joined)\n")
        self.write("\n")

    # -- act 4 --

    def side_by_side(self) -> None:
        """The global mutex against none."""
        self.write("4. A short stress, `global` and `pernet` side by side\n\n")
        for regime in ("global", "pernet"):
            options = StressOptions(seed=self.seed, seconds=STRESS_SECONDS, threads=8, netns=8)
            boot = partial(
                stress_kernel, setting=ModelSetting(rtnl=regime, timing="idle"), options=options
            )
            stress = Stress(options, boot)
            stress.recorder = Recorder(limit=4000)
            self.stresses.append((stress, stress.run()))
            if self.interrupted:
                return
        one, other = (result for _stress, result in self.stresses)
        self.write(table(one, other))
        self.write(
            "  How many operations depends on Python's speed here; what the kernel's waits\n"
            "  allow in each regime is what `python -m benchmarks` compares.\n\n"
        )
        self.claim("both are clean", shown=not one.counting and not other.counting)
        self.claim(
            "one unregistering section at a time under the global mutex, several without it",
            shown=one.sections_max == 1 and other.sections_max > 1,
        )
        self.claim("no thread is left", shown=not one.leaked_threads and not other.leaked_threads)
        self.write("\n")


def commands_of(text: str) -> list[str]:
    """A script's lines without its comments."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def deletion(recorded: Recorded) -> tuple[list[Fields], int]:
    """The traced lines of the last command, and the pid of who gave it."""
    ops = recorded.document["ops"]
    last: Document = ops[-1] if ops else {}
    caller = last["cmds"][-1]["pid"] if last.get("cmds") else -1
    return [line for line in last.get("trace", []) if line["fn"] in TRACED], caller


def contexts_of(trace: list[Fields], caller: int) -> list[tuple[str, str, str]]:
    """Function, device and context of each line, without the peer that has no upper."""
    return [
        (line["fn"], line["dev"], CALLER if line["pid"] == caller else WORKER)
        for line in trace
        if line["dev"] != "veth1"
    ]


def freed_last(trace: list[Fields], caller: int) -> bool:
    """Is the lower's free_netdev the caller's, and behind every uninit?"""
    order = [(r["fn"], r.get("dev"), r["pid"]) for r in trace]
    uninits = [i for i, (fn, dev, _pid) in enumerate(order) if fn == "ipvlan_uninit"]
    frees = [i for i, entry in enumerate(order) if entry == ("free_netdev", LOWER, caller)]
    return len(uninits) == len(UPPERS) and len(frees) == 1 and frees[0] > max(uninits)


def only_lo(devices: Mapping[str, list[Fields]]) -> bool:
    """Has every namespace nothing but lo?"""
    return all(dev["ifname"] == "lo" for devs in devices.values() for dev in devs)


def is_abba(finding: Document) -> bool:
    """Two orders of two namespaces' RTNL, or a deadlock over them."""
    if finding["kind"] not in ("circular", "deadlock"):
        return False
    nets = set(re.findall(r"\bns\d+\b", finding["title"]))
    return finding["severity"] != "class-only" and len(nets) >= 2


def table(one: StressResult, other: StressResult) -> str:
    """Figures of two regimes in two columns."""
    rows = [
        ("", one.regime, other.regime),
        ("operations", str(one.operations), str(other.operations)),
        ("devices removed", str(one.removed), str(other.removed)),
        ("of these delegated", f"{one.delegated_share:.0%}", f"{other.delegated_share:.0%}"),
        ("unregistering sections at once", str(one.sections_max), str(other.sections_max)),
        ("findings that count", str(len(one.counting)), str(len(other.counting))),
    ]
    lines = [f"   {name:32}{left:>10}{right:>10}" for name, left, right in rows]
    return "\n".join(lines) + "\n\n"
