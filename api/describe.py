"""`python -m api.describe` prints the description of the API, without a server."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api.app import ANSWER_WITHIN_SECONDS, create_app
from api.http.openapi import describe
from api.services import Services


@asynccontextmanager
async def _nothing() -> AsyncIterator[Services]:
    raise RuntimeError("only described: it cannot be run")
    yield  # what makes it a context manager


def describe_only() -> FastAPI:
    """The application as it is described; it cannot be run."""
    return create_app(_nothing, answer_within_seconds=ANSWER_WITHIN_SECONDS)


def main() -> None:
    document = describe(describe_only())
    sys.stdout.write(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
