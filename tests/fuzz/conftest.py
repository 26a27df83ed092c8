"""A whole stack for hostile callers: what they hold and cancel is in no other test's way."""

from collections.abc import AsyncIterator

import pytest

from stack.embedded import whole_stack
from stack.run_state import RunState

SHORT_HOLDS = {"PRIYOM_HOLD_SECONDS": "20", "PRIYOM_LOG_FORMAT": "json"}
"""So that lapses are met as well."""


@pytest.fixture(scope="session")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunState]:
    async with whole_stack(tmp_path_factory.mktemp("fuzz"), env=SHORT_HOLDS) as state:
        yield state
