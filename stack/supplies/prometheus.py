"""Prometheus and its promtool: from PATH, the cache, or built from source.

What is built here has no service discovery and no pages: the stack names its targets, and /ops
shows what fires.
"""

import shutil
from pathlib import Path

from stack.errors import MissingToolError, StepFailedError
from stack.progress import Steps
from stack.supplies.cache import cache_folder, once, replaced
from stack.supplies.go_build import build, digest_of

FOLDER = Path(__file__).resolve().parent.parent / "prometheus"
PROMETHEUS, PROMTOOL = "prometheus", "promtool"
PACKAGE = "github.com/prometheus/prometheus/cmd/{name}"
WITHOUT_DISCOVERY = "remove_all_sd"
INSTALL = "apt-get install --no-install-recommends prometheus, or brew install prometheus"


def prometheus() -> Path:
    """The path of the server. It must have been found or built before."""
    return _found(PROMETHEUS)


def promtool() -> Path:
    return _found(PROMTOOL)


def find(name: str) -> Path | None:
    on_path = shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    return _cached(name) if _cached(name).exists() else None


def make_prometheus(steps: Steps) -> None:
    """Unless they are found, build both into the cache."""
    with once(cache_folder() / "prometheus.lock"):
        for name in (PROMTOOL, PROMETHEUS):
            if find(name) is None:
                _build(name, steps)


def _build(name: str, steps: Steps) -> None:
    step = f"building {name} with Go (once, some minutes)"
    try:
        with steps.step(step), replaced(_cached(name)) as new:
            build(FOLDER, PACKAGE.format(name=name), new, tags=WITHOUT_DISCOVERY)
    except (MissingToolError, StepFailedError) as error:
        raise MissingToolError(
            f"{error}\n{name} could not be built. Install it: {INSTALL}"
        ) from None


def _found(name: str) -> Path:
    found = find(name)
    if found is None:
        raise MissingToolError(f"{name} is not built yet: run `make prepare`, or {INSTALL}")
    return found


def _cached(name: str) -> Path:
    return cache_folder() / f"{name}-{digest_of(FOLDER)}"
