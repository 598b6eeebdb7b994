"""pytest: every test runs checked, and a finding fails the test that caused it.  Off by default.

`--lockcheck` turns it on; `--lockcheck-races[=PACKAGE,…]` also reports unordered accesses to
ordinary data of the project's modules, the tests' and those named; `--lockcheck-fail-on` and
`--lockcheck-baseline` are those of the command line; `@pytest.mark.lockcheck(allow=[…])` silences
findings by kind, fingerprint or lock class (with `*` as in file names).  One checker serves the
whole session, because module-level locks outlive tests; each finding is shown once.  A test whose
threads are all stuck is ended by the watchdog.

`@pytest.mark.lockcheck(explore=True)` runs a test's body under every schedule instead, with or
without `--lockcheck` (`lockcheck.pytest_explore`); `--lockcheck-replay TOKEN` runs one of them.

Nothing of lockcheck is imported here before an option or a mark was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pluggy import Result

    from lockcheck.checker import Checker
    from lockcheck.core.report import Report
    from lockcheck.explore.token import Token
    from lockcheck.patch.data import RaceHunt

_OUTER: pytest.StashKey[bool] = pytest.StashKey()
"""Was lockcheck installed before pytest began?"""
_HUNT: pytest.StashKey[RaceHunt] = pytest.StashKey()
_REPLAY: pytest.StashKey[Token] = pytest.StashKey()

LOOKS = 10
"""Unchanged pictures, a tenth of a second apart, before a test counts as stuck."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lockcheck", "lock-order checking")
    group.addoption("--lockcheck", action="store_true", help="check locks in every test")
    group.addoption(
        "--lockcheck-fail-on",
        choices=("certain", "possible", "class-only"),
        default="possible",
        help="severity from which a finding fails its test (default: possible)",
    )
    group.addoption(
        "--lockcheck-races",
        metavar="PACKAGE,…",
        nargs="?",
        const="",
        help="report unordered accesses to ordinary data, too, of the project and these packages",
    )
    group.addoption(
        "--lockcheck-replay", metavar="TOKEN|FILE", help="run one schedule of an explored test"
    )
    group.addoption(
        "--lockcheck-baseline", metavar="FILE", help="known findings, which do not count"
    )
    group.addoption("--lockcheck-report", metavar="DIR", help="write a report folder at the end")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Install before conftest files and tests are imported: they may make locks."""
    known = early_config.known_args_namespace
    if known.lockcheck or known.lockcheck_races is not None:
        from lockcheck.checker import Checker
        from lockcheck.patch import install, installed

        early_config.stash[_OUTER] = installed() is not None
        from lockcheck.patch.data.declared import declares_fields

        races = known.lockcheck_races is not None
        ordered = races or declares_fields([str(early_config.rootpath)])
        chk = install(None if installed() is not None else Checker(races=ordered))
        if races and chk.races:
            early_config.stash[_HUNT] = hunt = _hunt(early_config, chk, known.lockcheck_races)
            hunt.__enter__()


def _hunt(config: pytest.Config, chk: Checker, words: str) -> RaceHunt:
    """Look for races in the project's own modules, in tests whose assertions are rewritten too."""
    import ast
    from importlib.machinery import ModuleSpec

    from _pytest.assertion.rewrite import AssertionRewritingHook, rewrite_asserts

    from lockcheck.patch.data import RaceHunt, packages_of

    hunt = RaceHunt(chk, [str(config.rootpath)], packages_of(words))

    def prepare(spec: ModuleSpec) -> Callable[[ast.Module, bytes, str], None] | None:
        hook = spec.loader
        if not isinstance(hook, AssertionRewritingHook):
            return None
        hook._rewritten_names[spec.name] = Path(spec.origin or "")
        return lambda tree, source, path: rewrite_asserts(tree, source, path, hook.config)

    hunt.finder.prepare = prepare
    return hunt


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "lockcheck(allow=[...], explore=True, schedules=N, strategy=NAME): findings of these "
        "kinds, fingerprints or lock classes are fine; run the body under every schedule",
    )
    if config.getoption("lockcheck_replay"):
        from lockcheck.pytest_explore import read_replay

        config.stash[_REPLAY] = read_replay(config.getoption("lockcheck_replay"))
    if config.getoption("lockcheck") or config.getoption("lockcheck_races") is not None:
        config.pluginmanager.register(_Session(config), "lockcheck-session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a token, keep only the test that it is of.  Raises: pytest.UsageError."""
    token = config.stash.get(_REPLAY, None)
    if token is None:
        return
    from lockcheck.pytest_explore import is_item_of

    kept = [item for item in items if is_item_of(item, token)]
    if len(kept) != 1:
        name = f"{token.subject.get('file')}::{token.subject.get('function')}"
        raise pytest.UsageError(
            f"--lockcheck-replay: the token is of {name}; {len(kept)} collected tests are that one"
        )
    config.hook.pytest_deselected(items=[item for item in items if item is not kept[0]])
    items[:] = kept


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Explore a test that asks for it, or run the one schedule of the token."""
    token = pyfuncitem.config.stash.get(_REPLAY, None)
    marks = _marks(pyfuncitem)
    if token is None and not marks.get("explore"):
        return None
    from lockcheck.pytest_explore import explore_item, replay_item

    if token is not None:
        replay_item(pyfuncitem, token)
    else:
        explore_item(pyfuncitem, marks, pyfuncitem.config.getoption("lockcheck_fail_on"))
    return True


def _marks(item: pytest.Item) -> dict[str, Any]:  # a mark's values, checked where they are used
    """What all marks of a test say together, the nearest one last."""
    found: dict[str, Any] = {}  # the same
    for marker in reversed(list(item.iter_markers("lockcheck"))):
        found.update(marker.kwargs)
    return found


class _Session:
    """The plugin proper, registered only with `--lockcheck`."""

    def __init__(self, config: pytest.Config) -> None:
        from lockcheck.census import census
        from lockcheck.cli.baseline import InputError, read_baseline
        from lockcheck.core.findings import CountingRule
        from lockcheck.patch import install

        self._config = config
        self._outer = config.stash.get(_OUTER, False)
        path = config.getoption("lockcheck_baseline")
        try:
            known = read_baseline(path) if path else {}
        except InputError as error:
            raise pytest.UsageError(f"--lockcheck-baseline: {error}") from error
        folder = config.getoption("lockcheck_report")
        if folder:
            from lockcheck.render.folder import FolderError, prepare_folder

            try:
                prepare_folder(folder)
            except FolderError as error:
                raise pytest.UsageError(f"--lockcheck-report: {error}") from error
        self._rule = CountingRule(config.getoption("lockcheck_fail_on"), known)
        self._chk: Checker = install()
        self._before = self._chk.on_report
        self._chk.on_report = self._arrived
        self._made: list[Checker] = []
        """Checkers of the tests' own, kept: a report is theirs whenever it comes."""
        self._told: dict[int, int] = {}
        """How many of their reports were looked at, by id."""
        self._census = census
        census.open(self._made)
        self._new: list[Report] = []
        """Reports since they were last looked at; appended by any thread."""
        self._late: list[Report] = []
        """Reports that no test can be blamed for."""

    def _arrived(self, report: Report) -> None:
        self._new.append(report)

    def _look_at_own(self) -> None:
        """Checkers that tests made themselves report to them; what is new counts here too."""
        for chk in self._made:
            reports = chk.reports
            self._new += reports[self._told.get(id(chk), 0) :]
            self._told[id(chk)] = len(reports)

    def pytest_report_header(self) -> str:
        races = ", races" if self._config.stash.get(_HUNT, None) is not None else ""
        return f"lockcheck: on{races}, fail-on {self._config.getoption('lockcheck_fail_on')}"

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch the whole of a test, fixtures included."""
        from lockcheck.cli.stuck import strangers
        from lockcheck.conduct.watchdog import Watchdog

        self._late += self._take(None)
        chk, made = self._chk, self._made
        with Watchdog(chk, others=made.copy, looks=LOOKS, veto=lambda: strangers(chk, *made)):
            yield
        if chk.aborted:
            self._recover()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Result[pytest.TestReport], None]:
        outcome = yield
        result: pytest.TestReport = outcome.get_result()
        found = self._take(item)
        if not found:
            return
        from lockcheck.core.findings import root_causes
        from lockcheck.render.sentences import how_many
        from lockcheck.render.splat import splat_of

        causes = root_causes(report.to_dict() for report in found)
        texts = [splat_of(finding) for root in causes for finding in root.findings]
        result.sections.append(("lockcheck", "\n\n".join(texts)))
        ended = call.excinfo is not None and call.excinfo.type.__name__ == "Unwind"
        if result.outcome != "failed" or ended:
            more = f" ({how_many(len(found), len(causes))})" if found[1:] else ""
            result.outcome = "failed"
            first = causes[0].lead
            result.longrepr = (
                f"lockcheck: {first['severity']} {first['kind']}: {first['title']}{more}"
            )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self._late += self._take(None)
        hunt = self._config.stash.get(_HUNT, None)
        if hunt is not None:
            terminalreporter.write_line(f"lockcheck: {hunt.in_words()}")
        for report in self._late:
            terminalreporter.section("lockcheck: found outside of any test")
            terminalreporter.write_line(str(report))
        from lockcheck.render.sentences import row

        others = [r for r in self._census.reports(self._chk) if not self._counts(r, None)]
        if others:
            terminalreporter.write_line(
                f"lockcheck: {len(others)} findings that do not count (known, or below "
                f"--lockcheck-fail-on; --lockcheck-fail-on class-only counts every severity):"
            )
            for report in others:
                terminalreporter.write_line(f"  {row(report.to_dict())}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Findings outside of tests count; the report is written."""
        self._late += self._take(None)
        if self._late and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        folder = self._config.getoption("lockcheck_report")
        if folder:
            from lockcheck.render.folder import write_folder

            reports = [report.to_dict() for report in self._census.reports(self._chk)]
            write_folder(folder, self._chk.graph.to_dict(), reports, title="pytest --lockcheck")

    def pytest_unconfigure(self) -> None:
        from lockcheck.patch import uninstall

        self._census.close()
        self._chk.on_report = self._before
        hunt = self._config.stash.get(_HUNT, None)
        if hunt is not None:
            hunt.__exit__(None, None, None)
        if not self._outer:
            uninstall()

    # -- findings ------------------------------------------------------------------------------

    def _take(self, item: pytest.Item | None) -> list[Report]:
        """New findings that count for `item`, each once."""
        self._chk.sweep("when the test was over" if item is not None else "between tests")
        self._look_at_own()
        fresh = []
        while self._new:
            report = self._new.pop(0)
            if report not in fresh and self._counts(report, item):
                fresh.append(report)
        return fresh

    def _counts(self, report: Report, item: pytest.Item | None) -> bool:
        if self._rule.standing(report.severity, report.fingerprint, report.known) != "counts":
            return False
        return item is None or not any(_matches(report, entry) for entry in _allowed(item))

    def _recover(self) -> None:
        """After a stuck test: once its threads have unwound, the next test may wait again."""
        import threading
        import time

        from lockcheck.sync.thread import life_of, wait_out

        deadline = time.monotonic() + 5.0
        for thread in threading.enumerate():
            if life_of(thread) is not None and not thread.daemon:
                wait_out(thread, max(0.0, deadline - time.monotonic()))
        for chk in (self._chk, *self._made):
            chk.aborted = False


def _allowed(item: pytest.Item) -> list[str]:
    return [
        str(entry)
        for marker in item.iter_markers("lockcheck")
        for entry in (*marker.args, *marker.kwargs.get("allow", ()))
    ]


def _matches(report: Report, entry: str) -> bool:
    if entry in (report.kind, report.fingerprint):
        return True
    return any(fnmatchcase(name, entry) for name in report.classes)
