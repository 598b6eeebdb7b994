"""A patrol's thread is there while somebody waits, and not across a fork; nobody is missed."""

from __future__ import annotations

import _thread
import os
import threading
from _thread import allocate_lock
from collections.abc import Callable, Iterator

import pytest

from lockcheck.sync import patrol as room
from lockcheck.sync import plain
from lockcheck.sync.patrol import Patrol, wake_patrols

PATIENCE = 240


class Post:
    """A patrol with a place that somebody may wait at, and its looks counted."""

    def __init__(self) -> None:
        self.waits = False
        self.over = False
        self.looks = 0
        self.looked = allocate_lock()
        """Released at each look."""
        self.looked.acquire()
        self.patrol = Patrol(self._look, lambda: self.waits, period=0.0005, name="the patrol")

    def _look(self) -> bool:
        self.looks += 1
        try:
            self.looked.release()
        except RuntimeError:
            pass  # nobody minded the last one
        return self.over

    def await_look(self) -> None:
        """Block until it looks."""
        assert self.looked.acquire(timeout=PATIENCE)

    @property
    def thread(self) -> plain.PlainThread | None:
        return self.patrol._thread

    @property
    def walks(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def await_leave(self) -> None:
        """Block until its thread has ended."""
        if self.thread is not None:
            self.thread.join(PATIENCE)
        assert not self.walks


@pytest.fixture
def post() -> Iterator[Post]:
    """One that is open."""
    made = Post()
    made.patrol.open()
    yield made
    made.patrol.close()


def test_nobody_walks_until_somebody_waits(post: Post) -> None:
    """No thread is there, before and after; and it comes again."""
    assert post.thread is None
    for _ in range(3):
        post.waits = True
        wake_patrols()
        assert post.walks
        post.await_look()
        post.waits = False
        post.await_leave()


def test_one_thread_walks_however_many_wait(post: Post) -> None:
    """Who blocks while a patrol walks leaves it alone."""
    post.waits = True
    wake_patrols()
    first = post.thread
    for _ in range(10):
        wake_patrols()
        post.await_look()

    assert post.thread is first


def test_a_waiter_who_comes_when_it_leaves_is_not_missed(post: Post) -> None:
    """It has seen nobody and still has its duty, so the waiter does not start another."""
    asked = 0

    def wanted() -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:  # the look after which it leaves
            post.waits = True
            wake_patrols()
            return False
        return post.waits

    post.patrol._wanted = wanted
    wake_patrols()
    for _ in range(3):
        post.await_look()
    post.waits = False
    post.await_leave()


def test_a_closed_one_does_not_walk(post: Post) -> None:
    """Nor does one that was about to walk when it was closed; closing twice does no harm."""
    post.waits = True
    wake_patrols()
    post.patrol.close()
    post.await_leave()
    looks = post.looks
    wake_patrols()
    post.patrol.wake()
    post.patrol.close()

    assert not post.walks
    assert post.looks == looks


def test_the_last_look_is_the_last(post: Post) -> None:
    """Once it is over nobody walks again, whoever waits."""
    post.waits = post.over = True
    wake_patrols()
    post.await_leave()
    wake_patrols()

    assert not post.walks
    assert post.looks == 1


def test_where_no_thread_can_be_had_the_next_waiter_tries_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is raised into the program, and nothing stays locked."""

    def refuses(*_args: object) -> None:
        raise RuntimeError("can't start new thread")

    post.waits = True
    with monkeypatch.context() as patch:
        patch.setattr(_thread, "start_new_thread", refuses)
        wake_patrols()
        assert not post.walks
    wake_patrols()
    assert post.walks


def in_child(body: Callable[[], bool]) -> bool:
    """Fork; what `body` returns in the child."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if body() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestForks:
    """Before a fork it ends; after it walks if another thread waits."""

    def test_it_is_gone_at_the_fork(self, post: Post) -> None:
        """Its thread is none of the process's when the program's own hooks have run, and after."""
        post.waits = True
        wake_patrols()
        thread = post.thread
        post.waits = False
        assert thread is not None
        assert in_child(lambda: True)

        assert not thread.is_alive()
        assert not os.path.exists(f"/proc/self/task/{thread._native_id}")

    def test_it_walks_on_for_those_who_wait(self, post: Post) -> None:
        """They block no second time, so nobody else would wake it."""
        post.waits = True
        wake_patrols()
        before = post.thread
        assert in_child(lambda: True)

        assert post.walks
        assert post.thread is not before
        post.await_look()

    def test_a_child_has_none(self, post: Post) -> None:
        """Nor gets one, and can close it; a patrol that is made there walks."""
        post.waits = True
        wake_patrols()

        def body() -> bool:
            wake_patrols()
            post.patrol.wake()
            alone = not post.walks
            post.patrol.close()
            other = Post()
            other.patrol.open()
            other.waits = True
            wake_patrols()
            other.await_look()
            other.patrol.close()
            return alone and not other.walks

        assert in_child(body)

    def test_nobody_starts_while_a_fork_is_under_way(self, post: Post) -> None:
        """A hook of the program's may block; the thread comes when the fork is over."""
        post.waits = True
        room._before()
        wake_patrols()
        walks = post.walks
        room._in_parent()

        assert not walks
        assert post.walks

    def test_a_fork_does_not_wait_for_ever(
        self, post: Post, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A look that waits for what the forking thread holds: the fork goes on without its end."""
        monkeypatch.setattr(room, "GRACE", 0.01)
        held, reached = threading.Lock(), threading.Event()

        def look() -> bool:
            reached.set()
            with held:
                return False

        post.patrol._look = look
        post.waits = True
        with held:
            wake_patrols()
            assert reached.wait(PATIENCE)
            assert in_child(lambda: True)

    def test_many_threads_fork_and_wait(self, post: Post) -> None:
        """Whatever the order, in the end somebody walks for who waits."""

        went: list[bool] = []

        def body() -> None:
            for _ in range(5):
                wake_patrols()
                went.append(in_child(lambda: True))

        post.waits = True
        threads = [threading.Thread(target=body) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert went == [True] * 15
        for _ in range(2):
            post.await_look()
