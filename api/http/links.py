"""What an answer leads to, as OpenAPI links: from a day to a hold, from a hold to its end."""

from typing import Any

from domain.attendance import Mark

Document = dict[str, Any]

API = "/api/v1"
APPOINTMENT = f"{API}/appointments/{{appointment_id}}"
DOCTOR = f"{API}/doctors/{{doctor_id}}"
THIS = "$response.body#/"

OF_APPOINTMENT: Document = {"appointment_id": THIS + "appointmentId"}
OF_DOCTOR: Document = {"doctor_id": THIS + "doctorId"}

READ = ("read", "get", APPOINTMENT, {"parameters": OF_APPOINTMENT})
CONFIRM = ("confirm", "post", f"{APPOINTMENT}/confirm", {"parameters": OF_APPOINTMENT})
CANCEL = ("cancel", "post", f"{APPOINTMENT}/cancel", {"parameters": OF_APPOINTMENT})
OF_VERSION: Document = {
    "parameters": OF_APPOINTMENT,
    "requestBody": {"version": THIS + "version"},
}
EXTEND = ("extend", "post", f"{APPOINTMENT}/extend", OF_VERSION)
MOVE = (
    "move",
    "post",
    f"{APPOINTMENT}/reschedule",
    {
        "parameters": OF_APPOINTMENT,
        "requestBody": {"version": THIS + "version", "doctorId": THIS + "doctorId"},
    },
)
MARKS = tuple((mark.value, "post", f"{APPOINTMENT}/{mark.value}", OF_VERSION) for mark in Mark)
ITS_HISTORY = ("history", "get", f"{APPOINTMENT}/history", {"parameters": OF_APPOINTMENT})
ITS_PATIENT = (
    "ofPatient",
    "get",
    f"{API}/patients/{{patient_id}}/appointments",
    {"parameters": {"patient_id": THIS + "patientId"}},
)
ITS_DOCTOR = ("doctor", "get", DOCTOR, {"parameters": OF_DOCTOR})
HOLD_FIRST = (
    "holdFirst",
    "post",
    f"{API}/appointments",
    {"requestBody": {"doctorId": THIS + "doctorId", "dateTime": THIS + "slots/0/dateTime"}},
)
FIRST_DOCTOR = (
    "firstDoctor",
    "get",
    DOCTOR,
    {"parameters": {"doctor_id": THIS + "items/0/doctorId"}},
)
NOTICES = ("notifications", "get", f"{DOCTOR}/notifications", {"parameters": OF_DOCTOR})

LINKS = {
    ("post", f"{API}/appointments"): (READ, CONFIRM, CANCEL, EXTEND, ITS_PATIENT, ITS_DOCTOR),
    ("post", f"{APPOINTMENT}/extend"): (READ, CONFIRM, CANCEL, EXTEND),
    ("post", f"{APPOINTMENT}/confirm"): (
        READ,
        CONFIRM,
        CANCEL,
        MOVE,
        *MARKS,
        ITS_HISTORY,
        ITS_PATIENT,
    ),
    ("post", f"{APPOINTMENT}/reschedule"): (READ, CANCEL, MOVE, ITS_HISTORY),
    ("post", f"{APPOINTMENT}/cancel"): (READ, CANCEL, ITS_PATIENT),
    ("get", f"{API}/doctors"): (FIRST_DOCTOR,),
    ("get", DOCTOR): (NOTICES,),
    ("get", f"{DOCTOR}/schedule"): (HOLD_FIRST, ITS_DOCTOR),
}


def add_links(paths: Document) -> None:
    """To the answer of success of each operation that leads on to others."""
    for (method, path), links in LINKS.items():
        answers = paths[path][method]["responses"]
        success = next(status for status in answers if status.startswith("2"))
        answers[success]["links"] = {
            name: {"operationId": paths[target][by]["operationId"], **link}
            for name, by, target, link in links
        }
