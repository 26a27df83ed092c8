"""A doctor's notices, as the API answers them."""

import json

from pydantic import Field
from pydantic.config import JsonDict

from api.http.schemas import APPOINTMENT_ID, Body, Id, Instant, example, page_example

EXAMPLE_NOTICE: JsonDict = {
    "notificationId": "6f6d2a54-8a0e-4f8e-9a55-0f8b6f1c7e21",
    "appointmentId": APPOINTMENT_ID,
    "kind": "confirmed",
    "dateTime": "2027-03-01T06:00:00Z",
    "createdAt": "2027-02-20T10:02:00Z",
    "readAt": None,
}
NOTICE_PLACE = "AAYHbG1tUkBvbSpUig5PjppVD4trH34hq1eD"
EXAMPLE_NOTICE_EVENT = f"event: notice\ndata: {json.dumps(EXAMPLE_NOTICE)}\nid: {NOTICE_PLACE}\n\n"


class NoticeBody(Body):
    """What a doctor is told about one appointment."""

    model_config = example(EXAMPLE_NOTICE)

    notification_id: Id
    appointment_id: Id
    kind: str = Field(examples=["confirmed", "rescheduled", "cancelled"])
    date_time: Instant
    created_at: Instant
    read_at: Instant | None


class NoticePage(Body):
    """One page of a doctor's notices, newest first."""

    model_config = page_example(EXAMPLE_NOTICE)

    items: list[NoticeBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")
