"""How long the server needs for each page, and how heavy it is: `python -m bench.pages`.

After `make up`. One person at a time, on loopback, the day in the cache; the times are those that a
client sees, from the first byte asked to the last one given. The weight is the page, zipped, with
everything it loads, as a browser gets it that comes for the first time.
"""

import json
import os
import re
import statistics
import sys
import time
from pathlib import Path
from typing import TypedDict
from urllib.parse import urljoin

import httpx

ROUNDS = 200
BUDGET_MS, BUDGET_KB = 50.0, 100.0
NAMED = re.compile(r'(?:href|src)="(/assets/[^"]+)"')
IN_STYLE = re.compile(r"url\((/assets/[^)]+)\)")


class RunState(TypedDict):
    """The part of run.json that is read here."""

    api: str
    patients: list[dict[str, str]]


def main() -> int:
    home = Path(os.environ.get("PRIYOM_HOME") or ".priyom")
    state: RunState = json.loads((home / "run.json").read_text())
    patient = state["patients"][0]["id"]
    with httpx.Client(base_url=state["api"], cookies={"patient": patient}) as http:
        lines = [_line(http, name, path) for name, path in _pages(http, patient).items()]
    return 0 if all(lines) else 1


def _pages(http: httpx.Client, patient: str) -> dict[str, str]:
    """The paths of the pages, with a visit held for this run and given up by its lapse."""
    doctors = http.get("/api/v1/doctors", params={"limit": 100}).json()["items"]
    doctor = next(each for each in doctors if each["nextFree"])
    wish = {
        "patientId": patient,
        "doctorId": doctor["doctorId"],
        "dateTime": doctor["nextFree"],
    }
    held = http.post("/api/v1/appointments", json=wish).json()
    return {
        "doctors": "/",
        "times": f"/book/{doctor['doctorId']}?at={doctor['nextFree']}",
        "held visit": f"/visits/{held['appointmentId']}",
        "visits": "/visits",
    }


def _line(http: httpx.Client, name: str, path: str) -> bool:
    """Print what was measured of one page: is it within the budgets?"""
    took: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = http.get(path)
        took.append((time.perf_counter() - began) * 1000)
        answer.raise_for_status()
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    weight = _weight(http, path) / 1000
    print(f"{name:<12} p50 {p50:5.1f} ms  p95 {p95:5.1f} ms  {weight:5.1f} kB over the wire")
    return p95 <= BUDGET_MS and weight <= BUDGET_KB


def _weight(http: httpx.Client, path: str) -> int:
    page = http.get(path)
    sizes = {path: page.num_bytes_downloaded}
    waiting = set(NAMED.findall(page.text))
    while waiting:
        asset = http.get(urljoin(path, waiting.pop()))
        sizes[asset.url.path] = asset.num_bytes_downloaded
        if "css" in asset.headers["content-type"]:
            waiting |= set(IN_STYLE.findall(asset.text)) - set(sizes)
    return sum(sizes.values())


if __name__ == "__main__":
    sys.exit(main())
