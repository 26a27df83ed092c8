"""Locked versions and the flaws that are known of them; what the product is made of."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from scripts.advisories import Advisory, committed, flaws_of, refreshed
from scripts.locked import Locked, jars, modules, packages
from scripts.sbom import document

JINJA = Advisory(
    package="jinja2", id="PYSEC-1", aliases=["CVE-1"], affected=[">=2.0,<3.1.6", "==4.0rc1"]
)


def locked(version: str, name: str = "jinja2") -> Locked:
    return Locked(name=name, version=version, file="requirements.lock")


@pytest.mark.parametrize(
    ("version", "has_it"),
    [("1.9", False), ("2.0", True), ("3.1.5", True), ("3.1.6", False), ("4.0rc1", True)],
)
def test_a_version_within_a_range_has_the_flaw(version: str, has_it: bool) -> None:  # noqa: FBT001
    assert bool(flaws_of([locked(version)], [JINJA])) is has_it
    assert flaws_of([locked(version, "markupsafe")], [JINJA]) == []


def test_a_flaw_is_told_with_what_to_do() -> None:
    [told] = flaws_of([locked("3.1.5", "Jinja2")], [JINJA])

    assert told == (
        "Jinja2 3.1.5 in requirements.lock has a known flaw, PYSEC-1 (CVE-1; versions >=2.0,<3.1.6"
        " or ==4.0rc1): raise it in pyproject.toml, then `make lock`"
    )


def test_a_lock_file_with_a_version_that_is_known_to_be_bad_fails_the_check(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "jinja2==2.11.2 \\\n    --hash=sha256:0\nuvicorn[x]==0.54.0 ; os_name != 'nt'\n"
    )

    found = list(packages(tmp_path, ("requirements.lock",)))

    assert [(each.name, each.version) for each in found] == [
        ("jinja2", "2.11.2"),
        ("uvicorn", "0.54.0"),
    ]
    assert any("jinja2 2.11.2" in flaw for flaw in flaws_of(found, committed()))


def test_what_is_locked_has_no_flaw_that_the_list_knows() -> None:
    known = committed()

    assert len({each.package for each in known}) > 20
    assert len({each.name for each in packages()}) > 100
    assert flaws_of(packages(), known) == []


Write = Callable[..., None]


@pytest.fixture
def database(tmp_path: Path) -> tuple[Path, Write]:
    """A clone of the advisories, and how to put one into it."""

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)

    def write(package: str, name: str, **told: object) -> None:
        path = tmp_path / "vulns" / package / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"id": name, "aliases": [f"CVE-{name}"], **told}))
        git("add", "-A")
        git("commit", "--quiet", "-m", name)

    git("init", "--quiet")
    return tmp_path, write


def affected(*events: dict[str, str], versions: tuple[str, ...] = ()) -> list[dict[str, object]]:
    ranges = [{"type": "GIT", "events": [{"introduced": "0"}]}]
    ranges += [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    return [{"ranges": ranges, "versions": list(versions)}]


@pytest.mark.parametrize(
    ("told", "ranges"),
    [
        (affected({"introduced": "0"}, {"fixed": "2.3"}), ["<2.3"]),
        (affected({"introduced": "1.0"}, {"last_affected": "2.3"}), [">=1.0,<=2.3"]),
        (
            affected({"introduced": "1"}, {"fixed": "1.5"}, {"introduced": "2"}, {"fixed": "2.3"}),
            [">=1,<1.5", ">=2,<2.3"],
        ),
        (affected({"introduced": "2"}), [">=2"]),
        (affected({"introduced": "0"}), [">=0"]),
        (affected(versions=("1.0", "1.1")), ["==1.0", "==1.1"]),
    ],
)
def test_the_list_is_written_from_the_database(
    database: tuple[Path, Write], told: list[dict[str, object]], ranges: list[str]
) -> None:
    folder, write = database
    write("some-thing", "PYSEC-1", affected=told)
    write("another", "PYSEC-2", affected=told)

    listed = json.loads(refreshed(folder, ["Some.Thing", "unheard-of"]))

    assert listed["advisories"] == [
        {"package": "some-thing", "id": "PYSEC-1", "aliases": ["CVE-PYSEC-1"], "affected": ranges}
    ]
    assert listed["asOf"].startswith("20")


def test_an_advisory_that_was_withdrawn_is_left_out(database: tuple[Path, Write]) -> None:
    folder, write = database
    told = affected({"introduced": "0"}, {"fixed": "2.3"})
    write("some-thing", "PYSEC-1", affected=told, withdrawn="2026-01-01T00:00:00Z")

    assert json.loads(refreshed(folder, ["some-thing"]))["advisories"] == []


def test_the_sbom_names_everything_that_is_locked_and_is_the_same_each_time() -> None:
    written = document()
    bom = json.loads(written)
    named = {(each["name"], each["version"]) for each in bom["components"]}

    everything = [*packages(), *modules(), *jars()]
    assert {(each.name, each.version) for each in everything} == named
    assert {each.name for each in everything} >= {"temporalio", "go.temporal.io/server", "zstd-jni"}
    assert bom["bomFormat"] == "CycloneDX"
    assert all(each["purl"].startswith("pkg:") for each in bom["components"])
    assert len({each["bom-ref"] for each in bom["components"]}) == len(bom["components"])
    assert document() == written
