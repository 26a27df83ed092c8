"""Follows all logs of a stack; each line starts with the name of its program."""

import time
from collections.abc import Iterator
from pathlib import Path

POLL_SECONDS = 0.2
SHOWN_AT_FIRST = 5


def follow(folder: Path) -> Iterator[str]:
    """Print the last lines of each log, then every new line, also of new and rotated files."""
    read: dict[Path, int] = {}
    while True:
        for log in sorted(folder.glob("*.log")):
            new = _new_text(log, read)
            yield from (f"{log.stem:>12} | {line}" for line in new)
        time.sleep(POLL_SECONDS)


def _new_text(log: Path, read: dict[Path, int]) -> list[str]:
    size = log.stat().st_size
    first_sight = log not in read
    start = read.get(log, 0)
    if size == start:
        return []
    if size < start:
        start = 0
    with log.open("rb") as file:
        file.seek(start)
        text = file.read()
    whole = text.rfind(b"\n") + 1
    read[log] = start + whole
    lines = text[:whole].decode(errors="replace").splitlines()
    return lines[-SHOWN_AT_FIRST:] if first_sight else lines
