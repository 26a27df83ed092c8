"""What a manager sets up, as JSON: clinics, doctors, services."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.config import JsonDict

from adapters.postgres.setup import Service
from api.http.patient_schemas import FullName, Zone
from api.http.schemas import CLINIC_ID, SERVICE_ID, Body, Id, Text, Version, example, page_example

Minutes = Annotated[int, Field(ge=5, le=480)]
Name = FullName
Telephone = Annotated[Text, Field(max_length=40), AfterValidator(str.strip)]
Seen = Annotated[Version, Field(description="the `version` that was seen")]
ServiceIds = Annotated[list[Id], Field(max_length=200, description="of the same clinic")]

EXAMPLE_SERVICE: JsonDict = {
    "serviceId": SERVICE_ID,
    "clinicId": CLINIC_ID,
    "specialty": "cardiology",
    "name": "First visit",
    "minutes": 60,
    "selfBookable": True,
    "version": 1,
}


class NewClinic(Body):
    """A clinic that is to be; times of day are those of its zone."""

    model_config = example(
        {
            "name": "Priyom Marylebone",
            "address": "27 Wimpole Street, London",
            "timeZone": "Europe/London",
            "phone": "+447700900999",
        }
    )

    name: Name
    address: Text
    time_zone: Zone
    phone: Telephone = ""


class ClinicChange(Body):
    """What is to be different; what is not named stays."""

    model_config = example({"phone": "+447700900999", "version": 1})

    name: Name | None = None
    address: Text | None = None
    time_zone: Zone | None = None
    phone: Telephone | None = None
    version: Seen


class NewDoctor(Body):
    """A doctor at one clinic; `practitionerId` names one who receives elsewhere, too."""

    model_config = example(
        {
            "fullName": "Dr James Okafor",
            "specialty": "cardiology",
            "clinicId": CLINIC_ID,
            "slotMinutes": 30,
            "serviceIds": [SERVICE_ID],
        }
    )

    full_name: Name
    specialty: Name
    clinic_id: Id
    slot_minutes: Minutes = 30
    practitioner_id: Id | None = None
    service_ids: ServiceIds = Field(default_factory=list)


class DoctorChange(Body):
    """What is to be different; what is not named stays."""

    model_config = example({"slotMinutes": 20, "version": 1})

    full_name: Name | None = None
    specialty: Name | None = None
    slot_minutes: Minutes | None = None
    service_ids: ServiceIds | None = None
    clinic_id: Id | None = Field(default=None, description="as it is: it cannot change")
    practitioner_id: Id | None = Field(default=None, description="as it is, likewise")
    version: Seen


class NewService(Body):
    """What a patient comes for, and how long it takes."""

    model_config = example(
        {"clinicId": CLINIC_ID, "specialty": "cardiology", "name": "First visit", "minutes": 60}
    )

    clinic_id: Id
    specialty: Name
    name: Name
    minutes: Minutes
    self_bookable: bool = Field(default=True, description="whether patients may book it themselves")


class ServiceChange(Body):
    """What is to be different; visits that are booked keep their minutes."""

    model_config = example({"minutes": 45, "version": 1})

    specialty: Name | None = None
    name: Name | None = None
    minutes: Minutes | None = None
    self_bookable: bool | None = None
    version: Seen


class ServiceBody(Body):
    """A service of a clinic."""

    model_config = example(EXAMPLE_SERVICE)

    service_id: Id
    clinic_id: Id
    specialty: str
    name: str
    minutes: int
    self_bookable: bool
    version: int


class ServicePage(Body):
    """One page of services in the order of names."""

    model_config = page_example(EXAMPLE_SERVICE)

    items: list[ServiceBody]
    next: str | None = Field(description="`cursor` of the next page, null at the end")


def service_document(service: Service) -> dict[str, object]:
    return {
        "serviceId": str(service.service_id),
        "clinicId": str(service.clinic_id),
        "specialty": service.specialty,
        "name": service.name,
        "minutes": service.minutes,
        "selfBookable": service.self_bookable,
        "version": service.version,
    }
