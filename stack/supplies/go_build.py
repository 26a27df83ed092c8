"""Programs that Go builds once from sources that our go.mod and go.sum pin."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from stack.errors import MissingToolError
from stack.progress import run_quietly

OLDEST_GO = (1, 21)
"""From this version on, Go fetches the version that our go.mod names."""


def find_go() -> str | None:
    """Go on PATH, if it is new enough."""
    go = shutil.which("go")
    return go if go is not None and go_version(go) >= OLDEST_GO else None


def go_version(program: str) -> tuple[int, ...]:
    shown = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    found = re.search(r"go(\d+)\.(\d+)", shown.stdout)
    return (int(found[1]), int(found[2])) if found else ()


def digest_of(folder: Path) -> str:
    """Of exactly these sources."""
    pinned = (folder / "go.mod").read_bytes() + (folder / "go.sum").read_bytes()
    return hashlib.sha256(pinned).hexdigest()[:12]


def build(folder: Path, package: str, program: Path, *, tags: str = "") -> None:
    """Raises MissingToolError without Go, StepFailedError where it fails."""
    go = find_go()
    if go is None:
        raise MissingToolError("There is no Go 1.21 or newer on PATH.")
    with tempfile.TemporaryDirectory() as place:
        for name in ("go.mod", "go.sum"):
            shutil.copy(folder / name, place)
        argv = [go, "build", "-trimpath", "-tags", tags, "-ldflags", "-s -w"]
        run_quietly(
            [*argv, "-o", str(program), package],
            cwd=Path(place),
            env={**os.environ, "CGO_ENABLED": "0"},
        )
