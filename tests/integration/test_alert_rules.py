"""The rules of ops/alerts.yaml, by Prometheus's own tool."""

import asyncio

from stack.servers.prometheus import RULES
from stack.supplies.prometheus import promtool


async def test_the_rules_fire_when_they_must_and_only_then() -> None:
    tested = await asyncio.create_subprocess_exec(
        *(str(promtool()), "test", "rules", "alerts_test.yaml"),
        cwd=RULES.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await tested.communicate()

    assert tested.returncode == 0, said.decode()
