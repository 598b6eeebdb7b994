"""A shell script that tries a finding on a real kernel: rounds of set-up, race and clean-up.

Plain `ip`, no shell beyond POSIX; the commands that run at the same moment are started together.
It stops at the first round after which the kernel's log has a line that it looks for, or in which a
task sleeps uninterruptibly for longer than any healthy round takes, and says which: stacks are
printed, as a stuck kernel mostly says nothing of itself.  A race may need many rounds, and more
than one CPU.
"""

from __future__ import annotations

import shlex

from ...iproute import Script
from ...iproute.commands import Command, Modprobe, Par, Rmmod, Seq, Step
from ...iproute.normalise import command_text
from .reduce import namespaces_of

__all__ = ["reproduce_script"]

LOOK_FOR = (
    "unregister_netdevice: waiting for|WARNING:|BUG:|KASAN:|possible circular locking|"
    "possible recursive locking|INFO: task .* blocked|refcount_t:|general protection|Oops"
)

PATIENCE_SECONDS = 20
"""Longer than any healthy round on a slow machine, and than the kernel's own ten seconds."""


def reproduce_script(script: Script, *, title: str, rounds: int = 300) -> str:
    """The text of `reproduce.sh`."""
    spaces = namespaces_of(script)
    inner = "\n".join(line for step in script.steps for line in _lines(step))
    clean = "\n".join(f"    ip netns del {shlex.quote(name)} 2>/dev/null" for name in spaces)
    return f"""\
#!/bin/sh
# {_one_line(title)}
# Tries it on a real kernel (root, a machine to spare): ROUNDS=1000 sh reproduce.sh
# Status 1: the kernel's log has one of the lines below, or a task sleeps in the kernel for PATIENCE
# seconds (its stack is shown; such a machine may need a reboot); 0: it was not seen; 2: it was not
# seen, and some of the set-up failed, so perhaps nothing was tried.
look_for={shlex.quote(LOOK_FOR)}
rounds=${{ROUNDS:-{rounds}}}
patience=${{PATIENCE:-{PATIENCE_SECONDS}}}
mark=${{TMPDIR:-/tmp}}/reproduce.$$
dmesg -C 2>/dev/null || dmesg -c >/dev/null

set_up() {{
    "$@" || echo "failed: $*" >> "$mark.failed"
}}

try() {{
{inner}
}}

clean_up() {{
{clean or "    :"}
}}

before=
asleep() {{  # tasks that sleep uninterruptibly and did not before the first round
    for task in $(grep -ls '^State:.D' /proc/[0-9]*/status); do
        case " $before " in *" $task "*) ;; *) echo "$task" ;; esac
    done
}}
before=$(asleep | tr '\\n' ' ')

stuck() {{
    for task in $(asleep); do
        grep '^Name:' "$task"
        cat "${{task%status}}stack" 2>/dev/null
    done
    dmesg | grep -E "$look_for"
    echo "stuck in round $round of $rounds"
    exit 1
}}

finish() {{  # of a part of the round that runs in the background
    until=$(($(date +%s) + patience))
    until [ -e "$mark" ] && [ -z "$(asleep)" ]; do
        [ "$(date +%s)" -lt "$until" ] || stuck
        sleep 0.2 2>/dev/null || sleep 1
    done
}}

clean_up
round=1
while [ "$round" -le "$rounds" ]; do
    for part in try clean_up; do
        rm -f "$mark"
        {{ $part; : > "$mark"; }} &
        finish
    done
    if dmesg | grep -E "$look_for"; then
        echo "seen in round $round of $rounds"
        exit 1
    fi
    round=$((round + 1))
done
rm -f "$mark"
echo "not seen in $rounds rounds"
if [ -s "$mark.failed" ]; then
    sort -u "$mark.failed"
    rm -f "$mark.failed"
    exit 2
fi
"""


def _lines(step: Step) -> list[str]:
    if isinstance(step, Par):
        return [*(f"    {_grouped(inner)} &" for inner in step.steps), "    wait"]
    if isinstance(step, Seq):
        return [line for inner in step.steps for line in _lines(inner)]
    text = command_text(step)
    if isinstance(step, Modprobe | Rmmod) or text.endswith(" || true"):
        return [f"    {_command(step)}"]
    return [f"    set_up {text}"]


def _grouped(step: Step) -> str:
    if isinstance(step, Command):
        return _command(step)
    return "( " + "; ".join(_grouped(inner) for inner in step.steps) + " )"


def _command(command: Command) -> str:
    text = command_text(command).removesuffix(" || true")
    if isinstance(command, Modprobe | Rmmod):
        return f"{text} 2>/dev/null  # the driver must be a module"
    return f"{text} 2>/dev/null"


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else "?" for c in text).split())
