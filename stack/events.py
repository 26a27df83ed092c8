"""What a detached supervisor tells its terminal until the stack is ready."""

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
    """Reports progress to another process as JSON lines on standard output."""

    def begin(self, name: str) -> None:
        self.tell({"kind": "begin", "text": name})

    def finish(self, name: str) -> None:
        self.tell({"kind": "finish", "text": name})

    def fail(self, name: str) -> None:
        self.tell({"kind": "fail", "text": name})

    def tell(self, event: Event) -> None:
        # The terminal may be closed. The stack keeps running.
        with suppress(BrokenPipeError):
            print(json.dumps(event), flush=True)

    def up(self, _: run_state.RunState) -> None:
        """The last event. From now on the output is the supervisor's log."""
        self.tell({"kind": "up", "text": ""})
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
