"""How soon a search for free slots is answered: `python -m bench.slots` (after `make up`).

Ask before for as many doctors and days as are meant: `make seed DOCTORS=1000 DAYS=90`. One patient
after the other, and pages further on; loopback only.
"""

import argparse
import asyncio
import statistics
import sys
import time
from http import HTTPStatus

from bench.clinic import Clinic, options_of
from bench.figures import quantile
from bench.http import Connection

WARM = 5
PAGES = 5
"""Each search leads on so far before it begins anew."""


def searches(doctor: dict[str, str]) -> dict[str, str]:
    """By what is asked for; the doctor stands for a clinic and a specialty, too."""
    return {
        "any": "",
        "a specialty": f"&specialty={doctor['specialty']}",
        "a clinic, evenings, no Wednesday": (
            f"&clinicId={doctor['clinicId']}&earliest=17:00&weekdays=1,2,4,5,6,7"
        ),
        "evenings": "&earliest=17:00",
        "Saturday mornings": "&weekdays=6&latest=12:00",
        "a doctor": f"&doctorId={doctor['doctorId']}",
        "nobody's hours": "&earliest=02:00&latest=03:00",
    }


async def took_ms(connection: Connection, query: str, count: int) -> list[float]:
    cursor, took = None, list[float]()
    for nth in range(count):
        further = f"&cursor={cursor}" if cursor and nth % PAGES else ""
        begun = time.perf_counter()
        answer = await connection.request("GET", f"/api/v1/slots?limit=20{query}{further}")
        took.append((time.perf_counter() - begun) * 1000)
        if answer.status != HTTPStatus.OK:
            sys.exit(f"void: {answer}")
        cursor = answer.body["next"]
    return took


async def run(options: argparse.Namespace) -> None:
    connection = Connection(Clinic(options.home).api)
    doctor = (await connection.request("GET", "/api/v1/doctors?limit=1")).body["items"][0]
    for what, query in searches(doctor).items():
        await took_ms(connection, query, WARM)
        took = await took_ms(connection, query, options.searches)
        print(
            f"{what:<34} p50 {statistics.median(took):6.1f} p95 {quantile(took, 0.95):6.1f} ms",
            flush=True,
        )
    await connection.close()


if __name__ == "__main__":
    asyncio.run(run(options_of(__doc__, searches=100)))
