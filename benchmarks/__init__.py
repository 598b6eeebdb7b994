"""Benchmarks: `python -m benchmarks [NAME] [--quick] [--out DIR] [--seed N]`.

One file per benchmark (`lock_overhead`, `rtnl_scaling`, `phases`, `scale`, `regimes`,
`explore_speed`), each with `DESCRIPTION` and `run(run: Run)`; `README.md` says what each figure
says about the kernel and what it cannot say.  Rules: every ratio comes from measurements taken in
turns inside one process, every figure is a median with its minimum and maximum, every seed is
printed, and a figure that was not measured, or not validly, says so instead of a number.
"""
