"""`make fuzz MINUTES=5 SEED=n`: the description tried for minutes, then the corpus once more."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from stack.embedded import whole_stack
from tests.fuzz.conftest import SHORT_HOLDS
from tests.fuzz.corpus import CORPUS
from tests.fuzz.described import Effort, answered, run
from tests.fuzz.test_hostile_requests import answers_to


async def fuzz(minutes: float, seed: int) -> int:
    print(f"starting a stack; then {minutes:g} minutes of seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        async with whole_stack(place / "home", env=SHORT_HOLDS) as state:
            effort = Effort(seconds=max(1, round(minutes * 60)), examples=100, seed=seed)
            found, _ = await run(place, state, effort, said_to=None)
            wrong = await answers_to(CORPUS, state)
            for (operation, status), times in sorted((await answered(state)).items()):
                print(f"{times:>7} {status} {operation}")
    print(f"{len(CORPUS)} hostile requests, {len(wrong)} answered as they should not be")
    print("\n".join(wrong))
    return 1 if found or wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    return asyncio.run(fuzz(chosen.minutes, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())
