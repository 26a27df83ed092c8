"""Everything that the description of the API allows and forbids, tried by schemathesis."""

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from stack.home import CHECKOUT
from stack.run_state import RunState

DESCRIPTION = CHECKOUT / "docs" / "openapi.json"
SETTINGS = CHECKOUT / "tests" / "fuzz" / "schemathesis.toml"
DAYS = 12
DOCTORS, SLOTS = 3, 10
"""So few that callers meet at one slot."""
ANSWERED = re.compile(
    r'^priyom_http_requests_total\{method="(\w+)",route="([^"]+)",status="(\d+)"\} (\S+)$',
    re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long and how often, and of which paths; the same seed tries the same."""

    seconds: int
    examples: int
    seed: int
    phases: str = "examples,coverage,fuzzing,stateful"
    paths: str = "."


@dataclass(frozen=True, kw_only=True)
class Known:
    """What exists in the clinic: without it every wish is one for a doctor who is not there."""

    patients: list[str]
    doctors: list[str]
    dates: list[str]
    slots: list[str]
    clinics: list[str]
    """Of these doctors: there their rules, exceptions and imports are."""


async def known(state: RunState) -> Known:
    today = datetime.now(UTC).date()
    dates = [(today + timedelta(days=ahead)).isoformat() for ahead in range(1, DAYS)]
    async with httpx.AsyncClient(base_url=f"{state['api']}/api/v1", timeout=15) as http:
        listed = (await http.get("/doctors", params={"limit": 100})).json()["items"]
        doctors: list[str] = []
        clinics: set[str] = set()
        slots: set[str] = set()
        for doctor in listed:
            if len(doctors) == DOCTORS:
                break
            if of_doctor := await _slots(http, doctor["doctorId"], dates):
                doctors.append(doctor["doctorId"])
                clinics.add(doctor["clinicId"])
                slots |= of_doctor
    patients = [patient["id"] for patient in state["patients"]]
    return Known(
        patients=patients,
        doctors=doctors,
        dates=dates,
        slots=sorted(slots)[:SLOTS],
        clinics=sorted(clinics),
    )


async def _slots(http: httpx.AsyncClient, doctor: str, dates: list[str]) -> set[str]:
    """None of a doctor that an earlier run has made, or taken the plan of."""
    days = [await http.get(f"/doctors/{doctor}/schedule", params={"date": date}) for date in dates]
    return {slot["dateTime"] for day in days for slot in day.json()["slots"]}


def settings(known: Known) -> str:
    """The file `schemathesis.toml` of one run; a list of texts is written as in JSON."""
    dictionaries = [
        f"[dictionaries.{name}]\nvalues = {json.dumps(values)}"
        for name, values in vars(known).items()
    ]
    return "\n\n".join([SETTINGS.read_text(), *dictionaries])


def as_it_is_served(description: Path, state: RunState) -> str:
    """With sign-in off nobody has to say who calls."""
    told = json.loads(description.read_text())
    if not state.get("issuer"):
        for operations in told["paths"].values():
            for operation in operations.values():
                operation.pop("security", None)
    return json.dumps(told)


async def run(
    folder: Path,
    state: RunState,
    effort: Effort,
    *,
    description: Path = DESCRIPTION,
    said_to: int | None = asyncio.subprocess.PIPE,
) -> tuple[int, str]:
    """Schemathesis' exit status, 1 where it found something, and its report."""
    file = folder / "schemathesis.toml"
    file.write_text(settings(await known(state)))
    served = folder / "served.json"
    served.write_text(as_it_is_served(description, state))
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).parent / "st", "--config-file", file, "run", served),
        *("--url", state["api"] or "", "--seed", str(effort.seed)),
        *("--phases", effort.phases, "--include-path-regex", effort.paths),
        *("--max-time", str(effort.seconds), "--max-examples", str(effort.examples)),
        cwd=folder,
        stdout=said_to,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, (output or b"").decode()


async def answered(state: RunState) -> Counter[tuple[str, str]]:
    """How often the API has answered each operation with each status, by its own count."""
    async with httpx.AsyncClient(base_url=state["api"] or "") as http:
        told = (await http.get("/metrics")).text
    counts: Counter[tuple[str, str]] = Counter()
    for method, route, status, times in ANSWERED.findall(told):
        counts[f"{method} {route}", status] += int(float(times))
    return counts
