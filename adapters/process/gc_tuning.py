"""How often a process looks for garbage in cycles."""

import gc

YOUNG, MIDDLE, OLD = 50_000, 5, 1
"""The oldest generation is collected when allocations exceed deallocations by 750 000.

A workflow run that has ended, or was evicted, is a reference cycle: its tasks know their loop. It
has a hundred objects and some 40 KiB. After a minute it is in the oldest generation. So at most
about 7 500 runs, 300 MiB, wait to be freed. Collecting with five thousand open runs takes a few
tenths of a second."""


def collect_garbage_seldom() -> None:
    """Freeze what the process keeps (modules, pools), and collect the oldest generation rarely.

    Python's defaults walk over thousands of open runs after every few hundred new objects. That
    frees nothing, and delays the answers of patients.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
