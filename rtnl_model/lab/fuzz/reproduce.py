"""A shell script that tries a finding on a real kernel: rounds of set-up, race and clean-up.

Plain `ip`, no shell beyond POSIX; the commands that run at the same moment are started together.
It stops at the first round after which the kernel's log has a line that it looks for, and says
which.  A race may need many rounds, and more than one CPU.
"""

from __future__ import annotations

import shlex

from ...iproute import Script
from ...iproute.commands import Command, Modprobe, NetnsAdd, Par, Rmmod, Seq, Step
from ...iproute.normalise import command_text
from .reduce import namespaces_of

__all__ = ["reproduce_script"]

LOOK_FOR = (
    "unregister_netdevice: waiting for|WARNING:|BUG:|KASAN:|possible circular locking|"
    "possible recursive locking|INFO: task .* blocked|refcount_t:|general protection|Oops"
)


def reproduce_script(script: Script, *, title: str, rounds: int = 300) -> str:
    """The text of `reproduce.sh`."""
    spaces = namespaces_of(script)
    inner = "\n".join(line for step in script.steps for line in _lines(step))
    clean = "\n".join(f"    ip netns del {shlex.quote(name)} 2>/dev/null" for name in spaces)
    return f"""\
#!/bin/sh
# {_one_line(title)}
# Tries it on a real kernel (root, a machine to spare): ROUNDS=1000 sh reproduce.sh
# Status 1: the kernel's log has one of the lines below; 0: it was not seen.
look_for={shlex.quote(LOOK_FOR)}
rounds=${{ROUNDS:-{rounds}}}
dmesg -C 2>/dev/null || dmesg -c >/dev/null

try() {{
{inner}
}}

clean_up() {{
{clean or "    :"}
}}

clean_up
round=1
while [ "$round" -le "$rounds" ]; do
    try
    clean_up
    if dmesg | grep -E "$look_for"; then
        echo "seen in round $round of $rounds"
        exit 1
    fi
    round=$((round + 1))
done
echo "not seen in $rounds rounds"
"""


def _lines(step: Step) -> list[str]:
    if isinstance(step, Par):
        return [*(f"    {_grouped(inner)} &" for inner in step.steps), "    wait"]
    if isinstance(step, Seq):
        return [line for inner in step.steps for line in _lines(inner)]
    return [f"    {_command(step)}"]


def _grouped(step: Step) -> str:
    if isinstance(step, Command):
        return _command(step)
    return "( " + "; ".join(_grouped(inner) for inner in step.steps) + " )"


def _command(command: Command) -> str:
    text = command_text(command).removesuffix(" || true")
    if isinstance(command, Modprobe | Rmmod):
        return f"{text} 2>/dev/null  # the driver must be a module"
    return f"{text} 2>/dev/null" if not isinstance(command, NetnsAdd) else text


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else "?" for c in text).split())
