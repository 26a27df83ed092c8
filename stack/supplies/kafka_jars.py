"""Kafka's jars, resolved by Maven from our pom and compared with our list of digests."""

import hashlib
import shutil
from pathlib import Path

from stack.errors import MissingToolError, StepFailedError
from stack.progress import Steps, run_quietly
from stack.supplies.cache import cache_folder, once, replaced

FOLDER = Path(__file__).resolve().parent.parent / "kafka"
DIGESTS = FOLDER / "jars.sha256"


def jars() -> Path:
    """The folder of the jars. They must have been fetched before."""
    folder = _folder()
    if not folder.exists():
        raise MissingToolError("Kafka is not fetched yet: run `make prepare`")
    return folder


def jars_are_here() -> bool:
    return _folder().exists()


def fetch_jars(steps: Steps) -> None:
    """Fetch them into the cache if they are missing."""
    with once(cache_folder() / "kafka.lock"):
        if jars_are_here():
            return
        with steps.step("fetching Kafka's jars with Maven (85 MB)"), replaced(_folder()) as new:
            resolve(new)
            check(new)


def resolve(target: Path) -> None:
    """Copy all runtime dependencies there."""
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingToolError(
            "Maven is needed once, to fetch Kafka: apt-get install maven, or brew install maven"
        )
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    run_quietly([maven, "-q", "-B", "-f", FOLDER / "pom.xml", *goal], cwd=FOLDER)


def check(folder: Path) -> None:
    """Refuse jars that differ from the committed list."""
    expected, found = DIGESTS.read_text(), digests(folder)
    if found != expected:
        wrong = set(found.splitlines()) ^ set(expected.splitlines())
        names = sorted({line.split()[1] for line in wrong})
        raise StepFailedError(f"Kafka's jars are not those of {DIGESTS.name}: {', '.join(names)}")


def digests(folder: Path) -> str:
    """Lines in the format of sha256sum, sorted by name."""
    jar_files = sorted(folder.glob("*.jar"), key=lambda path: path.name)
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in jar_files)


def _folder() -> Path:
    key = hashlib.sha256(DIGESTS.read_bytes()).hexdigest()[:12]
    return cache_folder() / f"kafka-{key}"
