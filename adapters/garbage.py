"""How often a process looks for garbage in cycles."""

import gc


def collect_garbage_seldom() -> None:
    """What a process keeps (modules, pools, thousands of open runs) is no garbage.

    Walking over all of it after every few hundred new objects frees nothing and costs a patient's
    answer; cycles are few here, and are still found.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
