"""pytest: every test runs checked, and a finding fails the test that caused it.  Off by default.

`--lockcheck` turns it on; `--lockcheck-fail-on` and `--lockcheck-baseline` are those of the command
line; `@pytest.mark.lockcheck(allow=[…])` silences findings by kind, fingerprint or lock class (with
`*` as in file names).  One checker serves the whole session, because module-level locks outlive
tests; each finding is told once.  A test whose threads are all stuck is ended by the watchdog.

Nothing of lockcheck is imported here before the option was seen.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.cli.verdict import Verdict
    from lockcheck.core.report import Report

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
    group.addoption("--lockcheck-baseline", metavar="FILE", help="findings that are known")
    group.addoption("--lockcheck-report", metavar="DIR", help="write a report folder at the end")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Install before conftest files and tests are imported: they may make locks."""
    if early_config.known_args_namespace.lockcheck:
        from lockcheck.patch import install, installed

        early_config._lockcheck_outer = installed() is not None  # type: ignore[attr-defined]
        install()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "lockcheck(allow=[...]): findings of these kinds, fingerprints or lock classes are fine",
    )
    if config.getoption("lockcheck"):
        config.pluginmanager.register(_Session(config), "lockcheck-session")


class _Session:
    """The plugin proper, registered only with `--lockcheck`."""

    def __init__(self, config: pytest.Config) -> None:
        from lockcheck.cli.verdict import InputError, Verdict, read_baseline
        from lockcheck.patch import install

        self._config = config
        self._outer = getattr(config, "_lockcheck_outer", False)
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
        self._verdict: Verdict = Verdict(config.getoption("lockcheck_fail_on"), known)
        self._chk: Checker = install()
        self._before = self._chk.on_report
        self._chk.on_report = self._arrived
        self._new: list[Report] = []
        """Reports since they were last looked at; appended by any thread."""
        self._late: list[Report] = []
        """Reports that no test can be blamed for."""

    def _arrived(self, report: Report) -> None:
        self._new.append(report)

    def pytest_report_header(self) -> str:
        return f"lockcheck: on, fail-on {self._config.getoption('lockcheck_fail_on')}"

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch the whole of a test, fixtures included."""
        from lockcheck.cli.stuck import strangers
        from lockcheck.conduct.watchdog import Watchdog

        self._late += self._take(None)
        chk = self._chk
        with Watchdog(chk, looks=LOOKS, veto=lambda: strangers(chk)):
            yield
        if chk.aborted:
            self._recover()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, None]:
        outcome = yield
        result: pytest.TestReport = outcome.get_result()
        found = self._take(item)
        if not found:
            return
        text = "\n\n".join(str(report) for report in found)
        result.sections.append(("lockcheck", text))
        ended = call.excinfo is not None and call.excinfo.type.__name__ == "Unwind"
        if result.outcome != "failed" or ended:
            first = found[0]
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            result.outcome = "failed"
            result.longrepr = f"lockcheck: {first.severity} {first.kind}: {first.title}{more}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        self._late += self._take(None)
        for report in self._late:
            terminalreporter.section("lockcheck: found outside of any test")
            terminalreporter.write_line(str(report))
        others = [r for r in self._chk.reports if not self._counts(r, None)]
        if others:
            terminalreporter.write_line(
                f"lockcheck: {len(others)} findings that do not count "
                f"(known, or below --lockcheck-fail-on)"
            )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Findings outside of tests count; the report is written."""
        self._late += self._take(None)
        if self._late and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        folder = self._config.getoption("lockcheck_report")
        if folder:
            from lockcheck.render.folder import write_folder

            reports = [report.to_dict() for report in self._chk.reports]
            write_folder(folder, self._chk.graph.to_dict(), reports, title="pytest --lockcheck")

    def pytest_unconfigure(self) -> None:
        from lockcheck.patch import uninstall

        self._chk.on_report = self._before
        if not self._outer:
            uninstall()

    # -- findings ------------------------------------------------------------------------------

    def _take(self, item: pytest.Item | None) -> list[Report]:
        """New findings that count for `item`, each once."""
        self._chk.sweep("when the test was over" if item is not None else "between tests")
        fresh = []
        while self._new:
            report = self._new.pop(0)
            if report not in fresh and self._counts(report, item):
                fresh.append(report)
        return fresh

    def _counts(self, report: Report, item: pytest.Item | None) -> bool:
        if not self._verdict.counts(report.severity, report.fingerprint):
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
        self._chk.aborted = False


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
