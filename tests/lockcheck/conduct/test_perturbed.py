"""The perturbed conductor: delays that a seed repeats, and a record that can be followed."""

from __future__ import annotations

from lockcheck import Checker
from lockcheck.conduct.perturbed import LENGTHS, PerturbedConductor, _Noise, thread_key
from lockcheck.sync.thread import Thread


def perturbed(seed: int) -> tuple[Checker, PerturbedConductor]:
    conductor = PerturbedConductor(seed)
    return Checker(conductor=conductor), conductor


def workers(chk: Checker, n: int) -> list[Thread]:
    lock = chk.Lock("a")
    count = [0]

    def work() -> None:
        for _ in range(20):
            with lock:
                count[0] += 1

    threads = [chk.Thread(target=work, name=f"w{i}") for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == [20 * n]
    return threads


def test_a_perturbed_run_does_what_a_free_one_does() -> None:
    """Delays change nothing but the order."""
    for seed in range(5):
        chk, _conductor = perturbed(seed)
        workers(chk, 3)

        assert chk.reports == []


def test_the_order_of_each_lock_is_recorded() -> None:
    """One entry for each acquisition, by name of thread."""
    chk, conductor = perturbed(1)
    workers(chk, 2)
    order = conductor.orders["a#0"] if "a#0" in conductor.orders else conductor.orders["a"]

    assert len(order) == 40
    assert set(order) == {thread_key("w0"), thread_key("w1")}


def test_delays_depend_on_seed_and_thread_only() -> None:
    """Not on who arrives first."""

    def draws(seed: int, name: str) -> list[float]:
        noise = _Noise(seed, name, 0.5, first=False)
        return [noise.random() for _ in range(20)]

    assert draws(1, "w0") == draws(1, "w0")
    assert draws(1, "w0") != draws(1, "w1")
    assert draws(1, "w0") != draws(2, "w0")


def test_starvation_is_bounded() -> None:
    """Two milliseconds at most at a time."""
    assert max(LENGTHS) <= 0.00205
    assert min(LENGTHS) >= 1e-6
