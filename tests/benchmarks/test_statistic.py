"""Claims about the benchmarks' statistics and about the host's curve."""

from __future__ import annotations

import random

import pytest

from benchmarks.host_curve import HOST, TOLERANCE, predict
from benchmarks.statistic import Figure, percentile, rate_of_intervals, ratios, slope


class TestSlope:
    def test_bursts_give_their_exact_rate_wherever_the_window_begins(self, seed: int) -> None:
        """Equal bursts at equal distances have the slope burst over distance."""
        rng = random.Random(seed)
        for _ in range(50):
            size, distance, start = rng.randint(1, 40), rng.uniform(0.01, 5), rng.uniform(0, 9)
            times = [start + burst * distance for burst in range(4) for _ in range(size)]

            assert slope(times) == pytest.approx(size / distance)

    def test_one_moment_has_no_rate(self) -> None:
        """Without two different times there is no slope."""
        assert slope([]) is None
        assert slope([3.0]) is None
        assert slope([3.0, 3.0]) is None


class TestRateOfIntervals:
    def test_bursts_and_the_window_do_not_matter(self, seed: int) -> None:
        """n requesters with rounds of one length have the rate n over length, in any window."""
        rng = random.Random(seed)
        for _ in range(50):
            n, length = rng.randint(1, 40), rng.uniform(0.1, 3)
            phases = [rng.choice((0.0, 0.5)) * length for _ in range(n)]
            rounds = [(p + i * length, p + (i + 1) * length) for p in phases for i in range(9)]
            begin = length * rng.uniform(0.5, 3)

            found = rate_of_intervals(rounds, begin, begin + length * rng.uniform(0.3, 5))
            assert found == pytest.approx(n / length)

    def test_a_round_counts_with_its_share(self) -> None:
        """Half of a round inside is half a round."""
        assert rate_of_intervals([(0.0, 2.0)], 1.0, 2.0) == 0.5
        assert rate_of_intervals([(0.0, 1.0)], 1.0, 2.0) == 0.0


class TestFigures:
    def test_a_ratio_is_taken_pair_by_pair(self) -> None:
        """A disturbance that hits both neighbours leaves the ratio alone."""
        quiet, disturbed = [10.0, 10.0, 90.0], [5.0, 5.0, 45.0]

        assert Figure(2.0, 2.0, 2.0, 3) == ratios(quiet, disturbed)

    def test_percentiles_are_samples(self) -> None:
        """The p99 of 100 samples is the 99th, the p50 of three the second."""
        assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0
        assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
        assert percentile([7.0], 0.99) == 7.0

    def test_no_samples_is_an_error_and_not_a_zero(self) -> None:
        """What was not measured has no figure."""
        with pytest.raises(ValueError, match="no samples"):
            Figure.of([])


class TestHostCurve:
    def test_two_requesters_are_slower_than_one_and_four_are_faster(self) -> None:
        """The shared barrier makes the dip of the measured curve."""
        rates = {n: predict(n, create=3e-4, delete=5e-4, barrier=0.04).pairs for n in (1, 2, 4)}

        assert rates[2] < 1.1 * rates[1]
        assert rates[4] > 1.8 * rates[2]

    def test_rtnl_alone_limits_where_hold_time_times_rate_is_one(self) -> None:
        """With many requesters the rate is one over the hold time."""
        found = predict(200, create=1e-3, delete=1e-3, barrier=0.01)

        assert found.pairs == pytest.approx(500, rel=0.02)

    def test_calibrated_waits_give_the_measured_curve(self) -> None:
        """0.3 ms and 0.5 ms of RTNL and a barrier of 17 ms are within 30 percent everywhere."""
        for requesters, host in HOST.items():
            found = predict(requesters, create=3e-4, delete=5e-4, barrier=0.017)

            assert abs(found.pairs / host.pairs - 1) <= TOLERANCE, requesters
