"""Which schedule next: strategies, replay, shrinking, shards, coverage.

One strategy a file (`strategy` says what one is); `session` runs a search of a `subject`; `token`
and `schedule` are the line that repeats one schedule; `conflict` is the one relation behind
reduction and coverage.

The face of this package for those outside is what stands in `__all__`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.face import loader

if TYPE_CHECKING:
    from lockcheck.explore.bridge import repeat_free_run
    from lockcheck.explore.crew import available_jobs, run_search
    from lockcheck.explore.follow import Replay
    from lockcheck.explore.in_words import (
        STATUS_OF,
        Progress,
        columns,
        status_of_replay,
        summary,
        verdict_in_words,
    )
    from lockcheck.explore.pct import Pct
    from lockcheck.explore.pos import Pos
    from lockcheck.explore.random_walk import RandomWalk
    from lockcheck.explore.result import (
        CHECK_EVERY,
        Finding,
        Limits,
        Outcome,
        Replayed,
        exception_report,
    )
    from lockcheck.explore.search import Search
    from lockcheck.explore.session import Session, fresh_seed
    from lockcheck.explore.shard import MergeError, merge, parse_shard
    from lockcheck.explore.steps import step_timeline
    from lockcheck.explore.strategies import (
        DEFAULT_SCHEDULES,
        STRATEGIES,
        OptionError,
        make_strategy,
    )
    from lockcheck.explore.strategy import Strategy
    from lockcheck.explore.subject import FirstThread
    from lockcheck.explore.token import Token, TokenError

__all__ = [
    "CHECK_EVERY",
    "DEFAULT_SCHEDULES",
    "STATUS_OF",
    "STRATEGIES",
    "Finding",
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
    "Search",
    "Session",
    "Strategy",
    "Token",
    "TokenError",
    "available_jobs",
    "columns",
    "exception_report",
    "fresh_seed",
    "make_strategy",
    "merge",
    "parse_shard",
    "repeat_free_run",
    "run_search",
    "status_of_replay",
    "step_timeline",
    "summary",
    "verdict_in_words",
]

__getattr__ = loader(
    __name__,
    {
        "bridge": ["repeat_free_run"],
        "crew": ["available_jobs", "run_search"],
        "follow": ["Replay"],
        "in_words": [
            "STATUS_OF",
            "Progress",
            "columns",
            "status_of_replay",
            "summary",
            "verdict_in_words",
        ],
        "pct": ["Pct"],
        "pos": ["Pos"],
        "random_walk": ["RandomWalk"],
        "result": ["CHECK_EVERY", "Finding", "Limits", "Outcome", "Replayed", "exception_report"],
        "search": ["Search"],
        "session": ["Session", "fresh_seed"],
        "shard": ["MergeError", "merge", "parse_shard"],
        "steps": ["step_timeline"],
        "strategies": ["DEFAULT_SCHEDULES", "STRATEGIES", "OptionError", "make_strategy"],
        "strategy": ["Strategy"],
        "subject": ["FirstThread"],
        "token": ["Token", "TokenError"],
    },
)
