"""The history of an appointment and the audit trail as JSON."""

from pydantic import Field
from pydantic.config import JsonDict

from api.http.schemas import (
    APPOINTMENT_ID,
    DOCTOR_ID,
    PATIENT_ID,
    Body,
    Id,
    Instant,
    example,
    page_example,
)

EXAMPLE_CHANGE: JsonDict = {
    "version": 2,
    "at": "2027-02-20T10:02:00Z",
    "action": "confirm",
    "actor": {"role": "patient"},
    "status": "confirmed",
    "doctorId": DOCTOR_ID,
    "dateTime": "2027-03-01T06:00:00Z",
    "reason": None,
}
EXAMPLE_LINE: JsonDict = {
    "at": "2027-02-20T10:02:00Z",
    "actor": PATIENT_ID,
    "role": "patient",
    "action": "confirm",
    "object": APPOINTMENT_ID,
    "version": 2,
    "outcome": "done",
    "patientId": PATIENT_ID,
}


class RoleBody(Body):
    """On whose behalf something was done."""

    role: str


class ChangeBody(Body):
    """What one version of an appointment was."""

    model_config = example(EXAMPLE_CHANGE)

    version: int
    at: Instant
    action: str
    actor: RoleBody
    status: str
    doctor_id: Id
    date_time: Instant
    reason: str | None


class HistoryBody(Body):
    """Every version of an appointment, oldest first."""

    model_config = example({"items": [EXAMPLE_CHANGE]})

    items: list[ChangeBody]


class LineBody(Body):
    """What somebody did; `object` is the id of what it was done to."""

    model_config = example(EXAMPLE_LINE)

    at: Instant
    actor: str
    role: str
    action: str
    object: str
    version: int | None
    outcome: str
    patient_id: Id | None = Field(description="whose the thing is")


class LinePage(Body):
    """One page of the trail, newest first."""

    model_config = page_example(EXAMPLE_LINE)

    items: list[LineBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")
