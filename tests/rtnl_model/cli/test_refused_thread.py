"""A system that refuses another thread: one line and status 2, no finding and no traceback."""

from __future__ import annotations

import pytest

from lockcheck.sync.plain import PlainThread
from rtnl_model.cli import main


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_thread_that_the_system_refuses_ends_the_search(
    jobs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The search says that the system refused it, whichever process was refused."""

    class Refused(PlainThread):
        def start(self) -> None:
            if int(self.name.rpartition(" ")[2]) > 2:
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr("lockcheck.conduct.pool.PlainThread", Refused)
    status = main(["explore", "@T4", "--schedules", "4", "--jobs", jobs, "--seed", "1"])
    out, err = capsys.readouterr()

    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert "the system refused thread 3 of a schedule" in err
