"""How often a process looks for garbage in cycles."""

import gc

YOUNG, MIDDLE, OLD = 50_000, 5, 1
"""The old are looked at when 750 000 objects more were made than freed.

A run that has ended or was forgotten is a cycle (its tasks know their loop) of a hundred objects
and some 40 KiB, and one whose patient took a minute is old by then: so at most about 7 500 of them
wait to be freed, 300 MiB. Looking at five thousand open runs takes a few tenths of a second."""


def collect_garbage_seldom() -> None:
    """What a process keeps (modules, pools, thousands of open runs) is no garbage.

    Walking over all of it after every few hundred new objects frees nothing and costs a patient's
    answer; what is garbage is found before there is much of it.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
