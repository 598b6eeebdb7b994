"""iproute2 for the model: scripts in, rtnetlink requests, its errors and listings out.

`load_script` / `parse_script` read a script or scenario; `normalise` gives its canonical text;
`execute` runs one command on the calling thread; `run.ScriptRun` runs a whole script.
"""

from __future__ import annotations

from .commands import Command, Par, Script, Seq, Step
from .normalise import normalise
from .parser import parse_command, parse_script
from .scenario import load_script, parse_scenario, parse_scenarios
from .script_error import ScriptError, nearest

__all__ = [
    "Command",
    "Par",
    "Script",
    "ScriptError",
    "Seq",
    "Step",
    "load_script",
    "nearest",
    "normalise",
    "parse_command",
    "parse_scenario",
    "parse_scenarios",
    "parse_script",
]
