"""Which schedule next: strategies, replay, shrinking, shards, coverage.

One strategy a file (`strategy` tells what one is); `session` runs a search of a `subject`; `token`
and `schedule` are the line that repeats one schedule; `conflict` is the one relation behind
reduction and coverage.
"""
