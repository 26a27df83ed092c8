"""`make lock`: resolve the dependencies and write the lock files.

The Temporal server is pinned by `stack/temporal-cli/go.mod` and `go.sum`, which are edited by hand:
its command-line tool replaces one of its own modules, and `go get` cannot follow that.
"""

import tempfile
from pathlib import Path

from stack.home import CHECKOUT
from stack.progress import Steps, run_quietly
from stack.supplies.kafka_jars import DIGESTS, digests, resolve

COMPILE = (
    *("pip", "compile", "--quiet", "--upgrade", "--universal", "--generate-hashes"),
    *("--no-header", "--no-annotate", "--python-version", "3.11", "pyproject.toml"),
)


def main() -> None:
    uv = CHECKOUT / ".venv" / "bin" / "uv"
    with Steps() as steps:
        with steps.step("requirements.lock"):
            run_quietly([uv, *COMPILE, "-o", "requirements.lock"], cwd=CHECKOUT)
        with steps.step("requirements-dev.lock"):
            everything = ("--extra=stack", "--extra=dev", "-o", "requirements-dev.lock")
            run_quietly([uv, *COMPILE, *everything], cwd=CHECKOUT)
        with steps.step("requirements-bench.lock"):
            # The peers of the benchmark use the same packages as the product, plus their own.
            peers = ("--extra=bench", "-c", "requirements.lock", "-o", "requirements-bench.lock")
            run_quietly([uv, *COMPILE, *peers], cwd=CHECKOUT)
        with steps.step("stack/kafka/jars.sha256"), tempfile.TemporaryDirectory() as folder:
            resolve(Path(folder))
            DIGESTS.write_text(digests(Path(folder)))


if __name__ == "__main__":
    main()
