"""The way out of a process that has used the Temporal client."""

import gc
import os
import sys
import time
from typing import NoReturn


def exit_process(code: int) -> NoReturn:
    """End the process with this exit code.

    Threads of the Temporal client may abort the process while the interpreter finalizes (SDK issue
    300). So the clients are dropped first, and finalization is skipped.
    """
    gc.collect()
    time.sleep(0.2)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
