"""Progress of a long command: spinners on a terminal, plain lines elsewhere."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from stack.errors import StepFailedError

# Without a terminal, a running step prints a line this often, in seconds.
STILL_GOING_EVERY = 20
TAIL_LINES = 25


class Steps:
    """Several steps may run at once; a step is identified by its text."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._on_terminal = sys.stdout.isatty()
        self._over = threading.Event()
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )

    def __enter__(self) -> Self:
        if self._on_terminal:
            self._bars.start()
        else:
            threading.Thread(target=self._say_still_going, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._on_terminal:
            self._bars.stop()

    def begin(self, name: str) -> None:
        self._since[name] = time.monotonic()
        if self._on_terminal:
            self._tasks[name] = self._bars.add_task(name, total=1)

    def finish(self, name: str) -> None:
        seconds = time.monotonic() - self._since.pop(name, time.monotonic())
        if self._on_terminal:
            self._bars.update(self._tasks.pop(name), completed=1)
        else:
            print(f"{name}: {seconds:.1f} s", flush=True)

    def fail(self, name: str) -> None:
        self._since.pop(name, None)
        if self._on_terminal:
            self._bars.update(self._tasks.pop(name), description=f"[red]✗ {name}[/]", completed=1)
        else:
            print(f"{name}: failed", flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.begin(name)
        try:
            yield
        except BaseException:
            self.fail(name)
            raise
        self.finish(name)

    def _say_still_going(self) -> None:
        while not self._over.wait(STILL_GOING_EVERY):
            for name, since in list(self._since.items()):
                print(f"{name}: still going, {time.monotonic() - since:.0f} s", flush=True)


def run_quietly(argv: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """The output of the command. StepFailedError has its last lines if it fails."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise StepFailedError(f"{argv[0]} could not be started: {error.strerror}") from None
    if done.returncode != 0:
        command = " ".join(str(part) for part in argv)
        raise StepFailedError(f"{command}: exit code {done.returncode}\n{tail(done.stdout)}")
    return done.stdout


def tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-TAIL_LINES:])
