"""The report folder of `lockcheck explore`: one schedule run again, with its time line by steps.

The findings are the search's, each with its token; the graph and the time line are those of the
first finding's schedule, or of the default schedule where nothing was found.
"""

from __future__ import annotations

from pathlib import Path

from lockcheck.cli.baseline import InputError
from lockcheck.cli.function import FunctionSubject, FunctionWorld
from lockcheck.explore.follow import Replay
from lockcheck.explore.result import Outcome
from lockcheck.explore.session import Session
from lockcheck.explore.steps import step_timeline
from lockcheck.render.folder import FolderError, prepare_folder, write_folder
from lockcheck.render.html import Panel
from lockcheck.render.html_figures import figures_html, search_figures

__all__ = ["prepare", "write_search"]


def prepare(folder: str | None) -> None:
    """Make the folder before anything runs.  Raises: InputError."""
    if folder is None:
        return
    try:
        prepare_folder(folder)
    except FolderError as error:
        raise InputError(str(error)) from error


def write_search(folder: str, subject: FunctionSubject, result: Outcome) -> Path:
    """Write the folder; the subject is still installed.  Raises: InputError."""
    token = next((f.token for f in result.findings if f.token is not None), None)
    with Session(subject) as session:
        if token is not None:
            session.replay(token)
        else:
            session.run_one(Replay(()), 0)
        world, conductor = session.world, session.conductor
        assert isinstance(world, FunctionWorld), "a schedule has just run"
        names = [task.name for task in conductor.tasks]
        timeline = step_timeline(conductor.events, names, conductor.pending)
        graph = world.chk.graph.to_dict()
    document = result.to_dict()
    summary = Panel("summary", "", figures_html(search_figures(document)), summary=True)
    try:
        return write_folder(
            folder, graph, document["findings"], timeline=timeline, run=document,
            panels=[summary], title=f"lockcheck explore {subject.title}",
            command="lockcheck replay TOKEN --trust",
        )  # fmt: skip
    except FolderError as error:
        raise InputError(str(error)) from error
