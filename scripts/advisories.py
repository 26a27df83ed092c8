"""Known flaws of what is locked: `python -m scripts.advisories`, from a list that is committed.

No network is needed. `--refresh` writes the list anew from the advisory database of the Python
Packaging Authority; `--from FOLDER` takes a clone of it that is there.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from scripts.locked import CHECKOUT, Locked, packages

LIST = CHECKOUT / "scripts" / "advisories.json"
DATABASE = "https://github.com/pypa/advisory-database"


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """A flaw of a package; `affected` are ranges of versions, any of which has it."""

    package: str
    id: str
    aliases: list[str]
    affected: list[str]

    def concerns(self, locked: Locked) -> bool:
        return canonicalize_name(locked.name) == self.package and any(
            SpecifierSet(each).contains(locked.version, prereleases=True) for each in self.affected
        )


def flaws_of(locked: Iterable[Locked], advisories: Iterable[Advisory]) -> list[str]:
    """A sentence for each flaw of each version that is locked."""
    known = list(advisories)
    return [
        f"{each.name} {each.version} in {each.file} has a known flaw, {flaw.id}"
        f" ({', '.join(flaw.aliases)}; versions {' or '.join(flaw.affected)}):"
        " raise it in pyproject.toml, then `make lock`"
        for each in locked
        for flaw in known
        if flaw.concerns(each)
    ]


def committed(file: Path = LIST) -> list[Advisory]:
    return [Advisory(**each) for each in json.loads(file.read_text())["advisories"]]


def refreshed(repository: Path, names: Iterable[str]) -> str:
    """The list, from a clone of the database: one line a flaw."""
    found = [
        advisory
        for name in sorted({canonicalize_name(each) for each in names})
        for advisory in _advisories(repository, name)
    ]
    head = {"database": DATABASE, "asOf": _git(repository, "log", "-1", "--format=%cI").strip()}
    lines = ",\n".join(json.dumps(asdict(each)) for each in found)
    return f'{json.dumps(head)[:-1]}, "advisories": [\n{lines}\n]}}\n'


def _advisories(repository: Path, name: str) -> Iterator[Advisory]:
    listed = _git(repository, "ls-tree", "-r", "--name-only", "HEAD", f"vulns/{name}/")
    for path in listed.split():
        told = yaml.safe_load(_git(repository, "show", f"HEAD:{path}"))
        affected = [r for each in told.get("affected", ()) for r in _ranges(each)]
        if affected and "withdrawn" not in told:
            aliases = told.get("aliases", [])
            yield Advisory(package=name, id=told["id"], aliases=aliases, affected=affected)


def _ranges(affected: dict[str, Any]) -> Iterator[str]:
    """Of the kind ECOSYSTEM, which speaks of versions; single versions where there is none."""
    ranges = [each for each in affected.get("ranges", ()) if each["type"] == "ECOSYSTEM"]
    for each in ranges:
        begin = ""
        for event in each["events"]:
            match event:
                case {"introduced": version}:
                    begin = "" if str(version) == "0" else f">={version},"
                    open_ended = begin.rstrip(",") or ">=0"
                case {"fixed": version}:
                    open_ended = ""
                    yield f"{begin}<{version}"
                case {"last_affected": version}:
                    open_ended = ""
                    yield f"{begin}<={version}"
        if open_ended:
            yield open_ended
    if not ranges:
        yield from (f"=={version}" for version in affected.get("versions", ()))


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def _refresh(source: Path | None) -> int:
    with tempfile.TemporaryDirectory() as folder:
        clone = source or Path(folder, "database")
        if source is None:
            argv = ["git", "clone", "--quiet", "--bare", "--depth=1", DATABASE, str(clone)]
            if subprocess.run(argv, check=False).returncode:
                print("the list stays as it is: the database cannot be reached")
                return 1
        LIST.write_text(refreshed(clone, (each.name for each in packages())))
    print(f"{LIST.relative_to(CHECKOUT)} has {len(committed())} advisories")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.advisories")
    parser.add_argument("--refresh", action="store_true", help="write the list anew, online")
    parser.add_argument("--from", dest="source", type=Path, help="a clone of the database")
    asked = parser.parse_args()
    if asked.refresh or asked.source:
        return _refresh(asked.source)
    flaws = flaws_of(packages(), committed())
    print("\n".join(flaws) or f"none of {len(set(packages()))} locked versions has a known flaw")
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
