"""The output of the demo: short, in colour on a terminal, plain lines elsewhere."""

import asyncio
import textwrap
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

MARKS = {"free": ("○", "green"), "held": ("◐", "yellow"), "booked": ("●", "red")}
SLOTS_A_LINE = 8
LINES_OF_A_MESSAGE = 12
INDENT = "   "


class Page:
    """Writes to standard output, line by line; long lines are not wrapped."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def title(self, text: str) -> None:
        self._print(f"\n[bold]{escape(text)}[/]")

    def line(self, text: str) -> None:
        self._print(f"{INDENT}{escape(text)}")

    def link(self, label: str, url: str) -> None:
        self._print(f"{INDENT}[dim]{escape(label):<13}[/] [link={url}]{url}[/link]")

    def call(self, method: str, path: str, answer: str, took_ms: float) -> None:
        self._print(
            f"{INDENT}[cyan]{method:<4}[/] {escape(path):<26} {escape(answer):<34} "
            f"[dim]{took_ms:5.0f} ms[/]"
        )

    def kept(self, promise: str) -> None:
        self._print(f"{INDENT}[green]✓[/] {escape(promise)}")

    def broken(self, promise: str) -> None:
        self._print(f"\n[bold red]✗ not as promised:[/] {escape(promise)}")

    def day(self, day: date, zone: str, slots: Sequence[tuple[str, str]]) -> None:
        """All slots of a day, in the clinic's local time."""
        self._print(f"{INDENT}[dim]{day:%A} {day.day} {day:%B %Y}, {zone}[/]")
        marked = [f"{local_time(moment, zone)} {_mark(state)}" for moment, state in slots]
        for first in range(0, len(marked), SLOTS_A_LINE):
            self._print(INDENT + "  ".join(marked[first : first + SLOTS_A_LINE]))
        self._print(INDENT + "   ".join(f"{_mark(state)} [dim]{state}[/]" for state in MARKS))

    def message(self, heading: str, text: str) -> None:
        """The first lines of a message, with a rule on the left."""
        self._print(f"{INDENT}[magenta]{escape(heading)}[/]")
        lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
        for line in lines[:LINES_OF_A_MESSAGE]:
            for part in textwrap.wrap(line, 84, break_long_words=False):
                self._print(f"{INDENT}[dim]│[/] {escape(part)}")

    async def countdown(self, text: str, seconds: float) -> None:
        """Wait; on a terminal a bar shows the time left."""
        if not self._console.is_terminal:
            self.line(f"{text} {seconds:.0f} s …")
            await asyncio.sleep(seconds)
            return
        columns = (
            TextColumn(f"{INDENT}{{task.description}}"),
            BarColumn(30),
            TextColumn("{task.fields[left]:4.1f} s"),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(text, total=seconds, left=seconds)
            clock = asyncio.get_running_loop().time
            end = clock() + seconds
            while (left := end - clock()) > 0:
                progress.update(task, completed=left, left=left)
                await asyncio.sleep(min(0.1, left))

    def _print(self, markup: str) -> None:
        self._console.print(markup, soft_wrap=True)


def local_time(moment: str, zone: str, *, seconds: bool = False) -> str:
    """The clinic's local time at an RFC 3339 instant."""
    shown = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
    return f"{shown:%H:%M:%S}" if seconds else f"{shown:%H:%M}"


def _mark(state: str) -> str:
    mark, colour = MARKS[state]
    return f"[{colour}]{mark}[/]"
