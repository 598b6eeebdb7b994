"""The engine: operations in, verdicts out.  No threads, no clock, no I/O, standard library only."""
