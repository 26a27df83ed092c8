"""Slots and appointments as FHIR R4 writes them, as the cells of an import."""

import json
from collections.abc import Mapping

OF_FHIR = {
    "booked": "confirmed",
    "arrived": "arrived",
    "checked-in": "arrived",
    "fulfilled": "completed",
    "cancelled": "cancelled",
    "noshow": "no_show",
}
"""What R4 calls the states that an appointment has here."""


def cells_of_fhir(written: str) -> Mapping[str, str]:
    """One line of a file. Raises `ValueError`, `KeyError`, `TypeError` for what is neither."""
    try:
        found = json.loads(written)
    except ValueError:
        raise ValueError("is no JSON") from None
    match found.get("resourceType"):
        case "Slot":
            reference = found["schedule"]
            return {
                "resource": "Slot",
                "doctor": _known_as(reference),
                "starts_at": found["start"],
                "ends_at": found["end"],
                "status": found["status"],
            }
        case "Appointment":
            return _appointment(found)
        case _:
            raise ValueError("resourceType: must be Slot or Appointment")


def _appointment(found: dict[str, object]) -> Mapping[str, str]:
    people = {
        str(each["actor"].get("reference", "")).partition("/")[0].lstrip("#"): each["actor"]
        for each in _list(found, "participant")
        if "actor" in each
    }
    contained = {str(each["id"]): each for each in _list(found, "contained")}
    doctor = people.get("Practitioner") or people.get("PractitionerRole")
    if doctor is None:
        raise ValueError("participant: must name a Practitioner")
    own = next((contained[key] for key in people if key in contained), {})
    patient = people.get("Patient", {})
    meta = found.get("meta")
    status = OF_FHIR.get(str(found["status"]))
    if status is None:
        raise ValueError(f"status: must be one of {', '.join(OF_FHIR)}")
    return {
        "external_id": str(found["id"]),
        "doctor": _known_as(doctor),
        "starts_at": str(found["start"]),
        "ends_at": str(found["end"]),
        "patient_name": str(patient.get("display", "")) or _named(own),
        "patient_phone": _reached(own, "phone"),
        "patient_email": _reached(own, "email"),
        "status": status,
        "stamp": str(meta["lastUpdated"]) if isinstance(meta, dict) and meta else "",
    }


def _list(found: Mapping[str, object], name: str) -> list[dict[str, dict[str, object]]]:
    value = found.get(name, [])
    if not isinstance(value, list):
        raise TypeError(name)
    return value


def _known_as(reference: Mapping[str, object]) -> str:
    """By the name that is shown, else by the id that it points to."""
    shown = reference.get("display")
    return str(shown or str(reference["reference"]).rpartition("/")[2])


def _named(patient: Mapping[str, object]) -> str:
    for name in _list(patient, "name"):
        if "text" in name:
            return str(name["text"])
        names = [*name.get("given", []), name.get("family", "")]
        return " ".join(str(each) for each in names).strip()
    return ""


def _reached(patient: Mapping[str, object], system: str) -> str:
    ways = _list(patient, "telecom")
    return next((str(each["value"]) for each in ways if str(each["system"]) == system), "")
