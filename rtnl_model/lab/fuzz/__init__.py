"""The hunt: random scripts under the controlled scheduler, for hours, on all cores.

    script.py      a topology and the commands that run at the same moment, from a seed
    mutate.py      another script from one that brought coverage
    features.py    what a script reached: lock chains, waits, answers, branches of the kernel
    probe.py       one script under an adaptive budget of schedules: features and findings
    reduce.py      the smallest script that still shows a finding
    corpus.py      the folder that keeps what brought coverage; it can be merged and resumed
    cause.py       one finding a cause: what makes two findings the same one
    folder.py      what is written of a finding: script, token, columns, report, reproduce.sh
    hunt.py        the loop: which script next, who runs it, when to stop

Nothing here decides whether a finding is a defect of Linux, of `pernet`'s choices, of the model or
of the checker; a person does, with the folder in hand.
"""
