"""Two hundred doctors' slots at once: `python -m bench.burst` (after `make up`, `make seed`).

How long the last of so many simultaneous holds waits, and how many were not answered in time.
"""

import argparse
import asyncio
import json
import os
import time
from collections import Counter
from pathlib import Path

from bench.http import Answer, Connection
from bench.speed import RunState, Wish, cpu, wishes


async def hold(state: RunState, wish: Wish) -> tuple[Answer, float]:
    patient, doctor, instant = wish
    connection = Connection(state["api"])
    begun = time.perf_counter()
    answer = await connection.request(
        "POST",
        "/api/v1/appointments",
        {"patientId": patient, "doctorId": doctor, "dateTime": instant},
    )
    await connection.close()
    return answer, time.perf_counter() - begun


async def run(state: RunState, count: int) -> None:
    connection = Connection(state["api"])
    chosen = one_a_doctor(await wishes(connection, state, want=count * 4))[:count]
    await connection.close()  # the API would close it while the crowd is served
    before = cpu(state)
    answers = await asyncio.gather(*(hold(state, wish) for wish in chosen))
    after = cpu(state)
    seconds = sorted(took for _, took in answers)
    print(f"{len(chosen)} holds at once: {dict(Counter(a.status for a, _ in answers))}")
    first, median, last = seconds[0], seconds[len(seconds) // 2], seconds[-1]
    print(f"first {first:.2f} s, median {median:.2f} s, last {last:.2f} s")
    spent = {name: round((after[name] - before[name]) * 1000 / len(chosen), 1) for name in after}
    print("CPU-ms a hold:", {name: ms for name, ms in spent.items() if ms >= 0.1})
    for answer, _ in answers:
        if answer.status == 201:
            path = f"/api/v1/appointments/{answer.body['appointmentId']}/cancel"
            await connection.request("POST", path, {})
    await connection.close()


def one_a_doctor(found: list[Wish]) -> list[Wish]:
    """The first wish for each doctor, each for another patient."""
    chosen: dict[str, Wish] = {}
    patients: set[str] = set()
    for wish in found:
        patient, doctor, _ = wish
        if doctor not in chosen and patient not in patients:
            chosen[doctor] = wish
            patients.add(patient)
    return list(chosen.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holds", type=int, default=200)
    parser.add_argument("--home", default=os.environ.get("PRIYOM_HOME", ".priyom"))
    options = parser.parse_args()
    state: RunState = json.loads((Path(options.home) / "run.json").read_text())
    asyncio.run(run(state, options.holds))


if __name__ == "__main__":
    main()
