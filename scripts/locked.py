"""What is locked, by the files that pin it: packages of Python, modules of Go, jars of Java."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHON = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
GO = ("stack/temporal-cli/go.mod",)
JARS = "stack/kafka/jars.sha256"

PINNED = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9._-]*)(?:\[[^]]*])?==(?P<version>[^\s;\\]+)", re.MULTILINE
)
REQUIRED = re.compile(
    r"^\s*(?:require )?(?P<name>[\w.~/-]+\.[\w.~/-]+) (?P<version>v\S+)", re.MULTILINE
)
JAR = re.compile(
    r"^(?P<sha256>[0-9a-f]{64})  (?P<name>\S+?)-(?P<version>\d\S*)\.jar$", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True, order=True)
class Locked:
    """A version of a package, as a lock file names it."""

    name: str
    version: str
    file: str
    sha256: str | None = None


def packages(root: Path = CHECKOUT, files: tuple[str, ...] = PYTHON) -> Iterator[Locked]:
    yield from _found(PINNED, root, files)


def modules(root: Path = CHECKOUT) -> Iterator[Locked]:
    yield from _found(REQUIRED, root, GO)


def jars(root: Path = CHECKOUT) -> Iterator[Locked]:
    yield from _found(JAR, root, (JARS,))


def _found(pattern: re.Pattern[str], root: Path, files: tuple[str, ...]) -> Iterator[Locked]:
    for file in files:
        for found in pattern.finditer((root / file).read_text()):
            yield Locked(**found.groupdict(), file=file)
