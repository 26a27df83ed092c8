"""`python -m stack.detached [NAME,NAME…]`: the supervisor that `make up` leaves running."""

import asyncio
import sys
from collections.abc import Collection

from stack.errors import AlreadyUpError, StackError
from stack.events import EventStream
from stack.home import Home
from stack.keep_up import keep_up


def main(only: Collection[str]) -> int:
    """Every failure before `up` is an event; an unforeseen one is a traceback as well."""
    events = EventStream()
    try:
        asyncio.run(keep_up(Home.from_environment(), events, only, events.up))
    except AlreadyUpError:
        events.tell({"kind": "already", "text": ""})
    except StackError as error:
        events.tell({"kind": "error", "text": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main([name for name in "".join(sys.argv[1:]).split(",") if name]))
