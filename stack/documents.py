"""The generated documents: `python -m stack.documents` writes them, `make check` compares them."""

import sys

from stack.errors import StepFailedError
from stack.home import CHECKOUT
from stack.progress import run_quietly

# Each document is the output of its module.
PRINTED_BY = {
    ".env.example": "adapters.process.settings",
    "docs/openapi.json": "api.describe",
    "docs/asyncapi.yaml": "notifier.asyncapi",
    "docs/authorisation.md": "api.http.authorisation",
    "docs/metrics.md": "scripts.metrics_page",
    "ops/dashboard.json": "scripts.dashboard",
    "docs/configuration.md": "stack.configuration",
    "docs/sbom.json": "scripts.sbom",
    "docs/decisions/README.md": "stack.decisions",
    "api/page/words/ru.po": "api.page.words",
}


def generated(module: str) -> str:
    return run_quietly([sys.executable, "-W", "ignore", "-m", module], cwd=CHECKOUT)


def write_documents() -> None:
    for name, module in PRINTED_BY.items():
        (CHECKOUT / name).write_text(generated(module))
        print(f"{name} is what {module} prints")


def check_documents() -> None:
    """StepFailedError names the documents that differ from the code."""
    stale = [name for name, module in PRINTED_BY.items() if _written(name) != generated(module)]
    if stale:
        raise StepFailedError(f"not what the code says: {', '.join(stale)}; run `make docs`")


def _written(name: str) -> str | None:
    path = CHECKOUT / name
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    write_documents()
