"""`make import`: a file is sent to the API, and its report is awaited and printed."""

import time
from pathlib import Path

from stack import run_state
from stack.errors import StackError
from stack.home import Home
from stack.run_state import RunState

KINDS = {".csv": "text/csv", ".ndjson": "application/fhir+ndjson"}
ANSWERED_WITHIN = 30.0
PAUSE_SECONDS = 0.2


def import_file(file: Path, clinic: str = "", *, dry: bool = False) -> None:
    """Send a file of another system's appointments, and print what became of each row."""
    home = Home.from_environment()
    state = run_state.read(home.run_file)
    if state is None:
        raise StackError("Priyom is not running: `make up` first.")
    if not clinic:
        raise StackError("Say to which clinic: make import FILE=visits.csv CLINIC=<id>.")
    print(reported(home, state, file, clinic, dry=dry))


def reported(home: Home, state: RunState, file: Path, clinic: str, *, dry: bool) -> str:
    """The report as a person reads it. StackError says why there is none."""
    import httpx  # noqa: PLC0415 - `make status` should be quick

    kind = KINDS.get(file.suffix.lower())
    if kind is None or not file.is_file():
        raise StackError(f"{file} must be a file that ends in .csv or .ndjson")
    headers = _manager(home, state, clinic)
    query = {"clinicId": clinic, "dryRun": str(dry).lower()}
    with httpx.Client(
        base_url=f"{state['api']}/api/v1",
        headers=headers,
        timeout=ANSWERED_WITHIN,
        trust_env=False,
    ) as http:
        sent = http.post(
            "/imports", params=query, content=file.read_bytes(), headers={"content-type": kind}
        )
        if sent.is_error:
            raise StackError(f"The clinic refused it: {sent.json().get('detail')}")
        where = f"/imports/{sent.json()['importId']}"
        while (report := http.get(where).json())["state"] != "done":
            time.sleep(PAUSE_SECONDS)
    return _told(report, dry=dry)


def _manager(home: Home, state: RunState, clinic: str) -> dict[str, str]:
    """Nobody signs in where there is no issuer of ours."""
    accounts = state.get("accounts", [])
    own = [each for each in accounts if each["role"] == "manager"]
    if "issuer" not in state or not own:
        return {}
    from stack.tokens import access_token  # noqa: PLC0415 - the same

    chosen = next((each for each in own if each.get("clinicId") == clinic), own[0])
    return {"authorization": f"Bearer {access_token(home, state, chosen['username'])}"}


def _told(report: dict[str, object], *, dry: bool) -> str:
    counts = ", ".join(f"{report[name]} {name}" for name in ("created", "changed", "same"))
    told = [f"{report['rows']} rows: {counts}." + (" Nothing was written." if dry else "")]
    for name in ("refused", "overlaps"):
        rows = report[name]
        assert isinstance(rows, list)  # noqa: S101 - as the API answers
        told += [f"line {each.pop('line')}: {', '.join(map(str, each.values()))}" for each in rows]
    return "\n".join(told)
