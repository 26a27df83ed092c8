"""Imports as JSON."""

from typing import Literal

from adapters.postgres.imports import Import
from api.http.schemas import APPOINTMENT_ID, Body, example

IMPORT_ID = "5f0c3f0e-0b6e-4f0e-9f57-0b7c54a3d9a1"


class ImportBegun(Body):
    """Where the report is: `GET /imports/{importId}`."""

    model_config = example({"importId": IMPORT_ID})

    import_id: str


class RefusedRow(Body):
    """A row that was not taken, and why; the head of a CSV is line 1."""

    line: int
    reason: str


class OverlapRow(Body):
    """A row that lies on another appointment of the doctor: it was taken, and is marked."""

    line: int
    appointment_id: str


class ImportBody(Body):
    """What became of the rows; of a dry run, what would."""

    model_config = example(
        {
            "importId": IMPORT_ID,
            "state": "done",
            "dryRun": False,
            "rows": 3,
            "created": 1,
            "changed": 0,
            "same": 1,
            "refused": [{"line": 4, "reason": "starts_at: is missing"}],
            "overlaps": [{"line": 2, "appointmentId": APPOINTMENT_ID}],
        }
    )

    import_id: str
    state: Literal["running", "done"]
    dry_run: bool
    rows: int
    created: int
    changed: int
    same: int
    refused: list[RefusedRow]
    overlaps: list[OverlapRow]


def import_document(found: Import) -> dict[str, object]:
    return {
        "importId": str(found.import_id),
        "state": "running" if found.done_at is None else "done",
        "dryRun": found.dry_run,
        **vars(found.report),
    }
