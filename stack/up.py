"""`make up` in the terminal: starts the detached supervisor and shows its progress."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Collection

from stack.errors import UpFailedError
from stack.events import Event
from stack.home import CHECKOUT, Home
from stack.progress import Steps, tail


def bring_up_detached(home: Home, only: Collection[str]) -> bool:
    """Return when the stack is ready: True if this call started it, False if it was already up."""
    home.create()
    log = home.logs / "supervisor.log"
    argv = [sys.executable, "-m", "stack.detached", ",".join(only)]
    with log.open("ab") as errors:
        supervisor = subprocess.Popen(
            argv,
            cwd=CHECKOUT,
            env={**os.environ, "PRIYOM_HOME": str(home.root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        return _follow(supervisor, home)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise
    except UpFailedError as error:
        supervisor.wait()
        why = str(error) or tail(log.read_text(errors="replace"))
        raise UpFailedError(f"{why}\nLogs: {home.logs}") from None


def _follow(supervisor: subprocess.Popen[str], home: Home) -> bool:
    lines = supervisor.stdout
    with Steps() as steps:
        for line in lines or ():
            event: Event = json.loads(line)
            match event["kind"]:
                case "begin":
                    steps.begin(event["text"])
                case "finish":
                    steps.finish(event["text"])
                case "fail":
                    steps.fail(event["text"])
                case "up":
                    return True
                case "already":
                    wait_for_the_other(home)
                    return False
                case "error":
                    raise UpFailedError(event["text"])
    raise UpFailedError


def wait_for_the_other(home: Home) -> None:
    """Wait until another process has started this home."""
    while not home.run_file.exists():
        if not home.is_locked():
            raise UpFailedError("another start of this stack, at the same time, failed")
        time.sleep(0.1)
