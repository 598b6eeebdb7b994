"""Random scenarios: topologies over a few namespaces and what users do to them, from a seed.

`Generator` draws sequences of `ip` commands; `Generator.concurrent` draws commands to be started at
one moment.  Which kinds there are and how a user creates each is the table of `kinds`; how often
each action comes is a `Weights`.  `World` is what the generator believes to exist: it follows its
own commands by the rules of the kinds, and may be wrong, for what fails is as interesting as what
works.

A generated scenario is a value of plain dictionaries in the format of the recordings, so the same
file runs on the model and on a real kernel.
"""

from __future__ import annotations

from .generator import Generator
from .kinds import KINDS, Family, Kind
from .weights import PROFILES, Weights
from .world import Device, World

__all__ = ["KINDS", "PROFILES", "Device", "Family", "Generator", "Kind", "Weights", "World"]
