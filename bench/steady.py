"""Patients who come by themselves: `python -m bench.steady` (after `make up`, `make seed`).

Open loop, loopback only, bounded in time: patients arrive at random, so many a second, whatever
becomes of those before them; each holds a slot, thinks for a moment and confirms it. What was
booked is cancelled afterwards, so that the next turn finds the same slots.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.http import Answer, Connection
from bench.speed import Round, RunState, Wish, check, wishes

THINKING_SECONDS = (0.3, 0.8)
SEED = 7
"""The same wishes and arrivals in each turn."""
AT_MOST = 60.0
"""Patients a second: more than two cores book."""


@dataclass
class Callers:
    """Connections that are open and not in use: a patient takes one for each call."""

    api: str
    idle: list[Connection] = field(default_factory=list)

    async def post(self, path: str, body: object | None = None) -> tuple[Answer, float]:
        """The answer, and how many milliseconds it took."""
        connection = self.idle.pop() if self.idle else Connection(self.api)
        begun = time.perf_counter()
        answer = await connection.request("POST", path, body)
        took = (time.perf_counter() - begun) * 1000
        self.idle.append(connection)
        return answer, took

    async def close(self) -> None:
        for connection in self.idle:
            await connection.close()


async def visit(callers: Callers, wish: Wish, thinks: float, result: Round) -> None:
    """One patient; a call that breaks is counted as a refusal."""
    try:
        await _visit(callers, wish, thinks, result)
    except OSError as broken:
        name = type(broken).__name__
        result.refused[name] = result.refused.get(name, 0) + 1


async def _visit(callers: Callers, wish: Wish, thinks: float, result: Round) -> None:
    patient, doctor, instant = wish
    body = {"patientId": patient, "doctorId": doctor, "dateTime": instant}
    held, took = await callers.post("/api/v1/appointments", body)
    if held.status != 201:
        return _refused(held, result)
    result.held_ms.append(took)
    await asyncio.sleep(thinks)
    appointment = held.body["appointmentId"]
    confirmed, took = await callers.post(f"/api/v1/appointments/{appointment}/confirm")
    if confirmed.status != 200:
        return _refused(confirmed, result)
    result.confirmed_ms.append(took)
    result.confirmed.append(appointment)
    return None


def _refused(answer: Answer, result: Round) -> None:
    code = f"{answer.status} {(answer.body or {}).get('code')}"
    result.refused[code] = result.refused.get(code, 0) + 1


async def arrivals(callers: Callers, todo: list[Wish], rate: float, seconds: float) -> Round:
    chance, clock = random.Random(SEED), time.perf_counter  # noqa: S311 - a load needs no secrets
    result, visits = Round(users=0), set[asyncio.Task[None]]()
    begun = comes = clock()
    while (comes := comes + chance.expovariate(rate)) < begun + seconds and todo:
        await asyncio.sleep(max(0.0, comes - clock()))
        thinks = chance.uniform(*THINKING_SECONDS)
        visits.add(asyncio.create_task(visit(callers, todo.pop(), thinks, result)))
    await asyncio.gather(*visits)
    result.seconds = clock() - begun
    return result


async def run(state: RunState, *, rate: float, seconds: float) -> None:
    connection, callers = Connection(state["api"]), Callers(state["api"])
    random.seed(SEED)
    todo = await wishes(connection, state, want=int(rate * seconds))
    await connection.close()
    result = await arrivals(callers, todo, rate, seconds)
    await check(state, [result])
    for name, took in (("held", result.held_ms), ("confirmed", result.confirmed_ms)):
        print(f"{name:<9} {len(took):>5}  {quantiles(took)}")
    print(f"{len(result.confirmed) / result.seconds:.1f} a second; refused: {result.refused}")
    for appointment in result.confirmed:
        await callers.post(f"/api/v1/appointments/{appointment}/cancel", {})
    await callers.close()


def quantiles(took: list[float]) -> str:
    if not took:
        sys.exit("nobody was served: is the stack up, and seeded?")
    ordered = sorted(took)
    at = {part: ordered[int(len(ordered) * part / 100)] for part in (50, 90, 99)}
    return "  ".join(f"p{part} {ms:6.1f}" for part, ms in at.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--home", default=os.environ.get("PRIYOM_HOME", ".priyom"))
    options = parser.parse_args()
    state: RunState = json.loads((Path(options.home) / "run.json").read_text())
    seconds, rate = min(options.seconds, 300), min(options.rate, AT_MOST)
    asyncio.run(run(state, rate=rate, seconds=seconds))


if __name__ == "__main__":
    main()
