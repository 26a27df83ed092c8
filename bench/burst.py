"""Many doctors' slots wanted at once: `python -m bench.burst` (after `make up`, `make seed`).

How long the last of so many simultaneous holds waits, and how many were not answered in time.
"""

import asyncio
import time
from collections import Counter

from bench.clinic import Clinic, options_of
from bench.free_slots import Wish
from bench.http import Answer, Connection


async def hold(api: str, wish: Wish) -> tuple[Answer, float]:
    connection, begun = Connection(api), time.perf_counter()
    answer = await connection.hold(wish)
    await connection.close()
    return answer, time.perf_counter() - begun


async def run(clinic: Clinic, count: int) -> None:
    chosen = one_a_doctor(await clinic.wishes())[:count]
    before = clinic.cpu()
    answers = await asyncio.gather(*(hold(clinic.api, wish) for wish in chosen))
    after = clinic.cpu()
    seconds = sorted(took for _, took in answers)
    print(f"{len(chosen)} holds at once: {dict(Counter(a.status for a, _ in answers))}")
    first, median, last = seconds[0], seconds[len(seconds) // 2], seconds[-1]
    print(f"first {first:.2f} s, median {median:.2f} s, last {last:.2f} s")
    spent = {name: round((after[name] - before[name]) * 1000 / len(chosen), 1) for name in after}
    print("CPU-ms a hold:", {name: ms for name, ms in spent.items() if ms >= 0.1})
    connection = Connection(clinic.api)
    for answer, _ in answers:
        if answer.status == 201:
            await connection.tell(answer.body["appointmentId"], "cancel")
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


if __name__ == "__main__":
    chosen = options_of(__doc__, holds=200)
    asyncio.run(run(Clinic(chosen.home), chosen.holds))
