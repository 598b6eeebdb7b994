"""Which schedule next: strategies, replay, shrinking, shards, coverage.

One strategy a file (`strategy` tells what one is); `session` runs a search of a `subject`; `token`
and `schedule` are the line that repeats one schedule; `conflict` is the one relation behind
reduction and coverage.

The face of this package for those outside is what stands in `__all__`; a name is loaded when it is
asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockcheck.explore.bridge import bridge
    from lockcheck.explore.follow import Replay
    from lockcheck.explore.pct import Pct
    from lockcheck.explore.pos import Pos
    from lockcheck.explore.random_walk import RandomWalk
    from lockcheck.explore.result import Limits, Outcome, Replayed, exception_report
    from lockcheck.explore.session import Session, fresh_seed
    from lockcheck.explore.shard import MergeError, merge, parse_shard
    from lockcheck.explore.strategies import (
        DEFAULT_SCHEDULES,
        STRATEGIES,
        OptionError,
        make_strategy,
    )
    from lockcheck.explore.strategy import Strategy
    from lockcheck.explore.subject import FirstThread
    from lockcheck.explore.summary import (
        STATUS_OF,
        Progress,
        columns,
        status_of_replay,
        summary,
        verdict_in_words,
    )
    from lockcheck.explore.token import Token, TokenError

__all__ = [
    "DEFAULT_SCHEDULES",
    "STATUS_OF",
    "STRATEGIES",
    "FirstThread",
    "Limits",
    "MergeError",
    "OptionError",
    "Outcome",
    "Pct",
    "Pos",
    "Progress",
    "RandomWalk",
    "Replay",
    "Replayed",
    "Session",
    "Strategy",
    "Token",
    "TokenError",
    "bridge",
    "columns",
    "exception_report",
    "fresh_seed",
    "make_strategy",
    "merge",
    "parse_shard",
    "status_of_replay",
    "summary",
    "verdict_in_words",
]

_HOMES = {
    "DEFAULT_SCHEDULES": "lockcheck.explore.strategies",
    "FirstThread": "lockcheck.explore.subject",
    "Limits": "lockcheck.explore.result",
    "MergeError": "lockcheck.explore.shard",
    "OptionError": "lockcheck.explore.strategies",
    "Outcome": "lockcheck.explore.result",
    "Pct": "lockcheck.explore.pct",
    "Pos": "lockcheck.explore.pos",
    "Progress": "lockcheck.explore.summary",
    "RandomWalk": "lockcheck.explore.random_walk",
    "Replay": "lockcheck.explore.follow",
    "Replayed": "lockcheck.explore.result",
    "STATUS_OF": "lockcheck.explore.summary",
    "STRATEGIES": "lockcheck.explore.strategies",
    "Session": "lockcheck.explore.session",
    "Strategy": "lockcheck.explore.strategy",
    "Token": "lockcheck.explore.token",
    "TokenError": "lockcheck.explore.token",
    "bridge": "lockcheck.explore.bridge",
    "columns": "lockcheck.explore.summary",
    "exception_report": "lockcheck.explore.result",
    "fresh_seed": "lockcheck.explore.session",
    "make_strategy": "lockcheck.explore.strategies",
    "merge": "lockcheck.explore.shard",
    "parse_shard": "lockcheck.explore.shard",
    "status_of_replay": "lockcheck.explore.summary",
    "summary": "lockcheck.explore.summary",
    "verdict_in_words": "lockcheck.explore.summary",
}


def __getattr__(name: str) -> object:
    """Load a name of the face when it is asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'lockcheck.explore' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value
