"""What a detached supervisor tells the terminal that started it, until all is ready."""

import json
import os
import sys
from contextlib import suppress
from typing import Literal, TypedDict

from stack import run_state


class Event(TypedDict):
    """One line from the supervisor to the terminal that started it."""

    kind: Literal["begin", "finish", "fail", "up", "already", "error"]
    text: str


class EventStream:
    """A reporter that tells another process, in JSON lines on standard output."""

    def begin(self, name: str) -> None:
        self.tell({"kind": "begin", "text": name})

    def finish(self, name: str) -> None:
        self.tell({"kind": "finish", "text": name})

    def fail(self, name: str) -> None:
        self.tell({"kind": "fail", "text": name})

    def tell(self, event: Event) -> None:
        # Whoever started us may have left: that is no reason to stop.
        with suppress(BrokenPipeError):
            print(json.dumps(event), flush=True)

    def up(self, _: run_state.RunState) -> None:
        """The last word: from now on the output is the supervisor's own log."""
        self.tell({"kind": "up", "text": ""})
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
