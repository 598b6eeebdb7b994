"""Run a script's concurrent part under the controlled scheduler and look for what can go wrong.

rtnl-model explore @T2 --rtnl naive
rtnl-model explore cover.ip --strategy dpor --seconds 60
rtnl-model explore my.ip --driver my_driver.py --shard 3/8 --json > shard-3.json
rtnl-model explore @T2 --rtnl naive --format sarif > findings.sarif
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from pathlib import Path

from lockcheck import __version__
from lockcheck.conduct import EARLY_TIMERS, ThreadRefusedError
from lockcheck.explore import (
    CHECK_EVERY,
    DEFAULT_SCHEDULES,
    STATUS_OF,
    STRATEGIES,
    Limits,
    OptionError,
    Outcome,
    Progress,
    available_jobs,
    parse_shard,
    summary,
)
from lockcheck.render import show, show_json, write_text

from ..iproute import load_script
from ..lab.explore import SCHEMA, ExploreOptions, explore, shown
from ..lab.model_run import ModelSetting, link_kinds
from ..lab.topologies import about, topology
from .findings import known_defect
from .parser import add_checking, add_model, natural, positive, seconds
from .report_dir import prepare_report, write_report
from .status import CallError, Status

__all__ = ["configure", "run"]

TOKEN_CHARS_MAX = 600
"""A longer token is written to a file."""
SAMPLING = ("portfolio", "random", "pct", "pos")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("script", metavar="SCRIPT|@TOPOLOGY", help="file, -, or @TOPOLOGY")
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default="portfolio",
        help="how to pick the thread that runs next (default: %(default)s)",
    )
    parser.add_argument("--schedules", type=positive, metavar="N", help="how many schedules to try")
    parser.add_argument("--seconds", type=seconds, metavar="S", help="how long to search")
    parser.add_argument(
        "--preemptions", type=natural, metavar="K", help="bound on preemptions, dfs only"
    )
    parser.add_argument(
        "--hang-after",
        type=seconds,
        default=Limits.hang_after,
        metavar="S",
        help="seconds without a step after which a thread counts as hung (default: %(default)g)",
    )
    parser.add_argument(
        "--early-timers",
        type=natural,
        default=EARLY_TIMERS,
        metavar="K",
        help="timers that may fire early in one schedule (default: %(default)s)",
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="processes (default: the cores, or LOCKCHECK_JOBS)",
    )
    parser.add_argument(
        "--check-determinism",
        action="store_true",
        help=f"repeat every {CHECK_EVERY}th schedule and compare every operation",
    )
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="search only this part")
    parser.add_argument(
        "--format",
        choices=("text", "json", "sarif"),
        help="how to print the result (json: as --json; sarif: for code review)",
    )
    add_model(parser)
    add_checking(parser)


def run(args: argparse.Namespace) -> int:
    """Search and show what came out."""
    setting = ModelSetting.from_args(args)
    script = load_script(args.script, topology=topology, kinds=link_kinds(setting))
    schedules = args.schedules
    if schedules is None and args.seconds is None and args.strategy in SAMPLING:
        schedules = DEFAULT_SCHEDULES
    try:
        shard = parse_shard(args.shard)
    except ValueError as error:
        raise CallError(f"explore: --shard {error}") from error
    options = ExploreOptions(
        strategy=args.strategy,
        schedules=schedules,
        seconds=args.seconds,
        preemptions=args.preemptions,
        seed=args.seed,
        shard=shard,
        fail_on=args.fail_on,
        hang_after=args.hang_after,
        early_timers=args.early_timers,
        check_every=CHECK_EVERY if args.check_determinism else 0,
        jobs=args.jobs or available_jobs(),
    )
    folder = prepare_report(args.report)
    progress = Progress(total=schedules) if sys.stderr is not None else None
    try:
        outcome = explore(script, setting, options, on_progress=progress)
    except (OptionError, ThreadRefusedError) as error:
        raise CallError(f"explore: {error}") from error
    finally:
        if progress is not None:
            progress.clear()
    long_tokens_to_files(outcome, folder)
    document = outcome.to_dict(SCHEMA)
    if folder is not None:
        write_text(folder / "explore.json", json.dumps(document, indent=1) + "\n")
        token = next((f.token for f in outcome.findings if f.token is not None), None)
        schedule = shown(script, setting, token)
        seen = {
            "regime": setting.rtnl, "script": script.name, "topology": schedule.states,
            "replay": replay_command(args.driver),
        }  # fmt: skip
        write_report(folder, schedule.chk, {**document, **seen}, schedule.timeline)
    if args.json or args.format == "json":
        show_json(document)
    elif args.format == "sarif":
        from lockcheck.render import sarif

        show(f"{sarif.render(document['findings'], tool='rtnl-model', version=__version__)}\n")
    else:
        title = f"{script.name or 'script'} in {setting.rtnl} --workers {setting.workers}"
        show(summary(title, outcome, replay_command(args.driver)))
        show("".join(f"  {line}\n" for line in explained(outcome, args.script)))
        if args.driver:
            show(
                f"  data looked at: what {files_in_words(args.driver)} keeps, and guarded fields\n"
            )
        if folder is not None:
            show(f"report: {folder / 'index.html'}\n")
    if outcome.interrupted:
        return Status.INTERRUPTED
    return STATUS_OF[outcome.outcome]


def explained(outcome: Outcome, source: str) -> list[str]:
    """What the names in the summary stand for: known defects and the topology."""
    tags = dict.fromkeys(f"known:{each.known}" for each in outcome.findings if each.known)
    lines = [f"{tag}: {known_defect(tag)}" for tag in tags]
    return [*lines, about(source)] if about(source) else lines


def files_in_words(files: list[str]) -> str:
    """Names without folders."""
    return ", ".join(Path(file).name for file in files)


def replay_command(drivers: list[str]) -> str:
    """How to repeat a finding; the user's own files are named again."""
    files = "".join(f" --driver {shlex.quote(path)}" for path in drivers)
    return f"rtnl-model replay TOKEN{files}"


def long_tokens_to_files(outcome: Outcome, folder: Path | None) -> None:
    """Write tokens that are too long for a command line into files."""
    for number, finding in enumerate(outcome.findings, 1):
        if finding.token is None or len(str(finding.token)) <= TOKEN_CHARS_MAX:
            continue
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="rtnl-model-explore-"))
        path = folder / f"finding-{number}.token"
        write_text(path, finding.token.to_file())
        finding.where = str(path)
