"""Whether the description tells of every operation what it takes and what it may answer."""

import json
import re
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import BaseModel

from api.describe import describe_only
from api.http import patient_schemas, trail_schemas
from api.http.exception_schemas import (
    AcceptedBody,
    CampaignBody,
    CampaignVisitPage,
    ExceptionBody,
    NewException,
)
from api.http.health_schemas import HealthBody, ReadinessBody
from api.http.import_schemas import ImportBegun, ImportBody
from api.http.notice_schemas import NoticeBody, NoticePage
from api.http.openapi import describe
from api.http.origins import Origins
from api.http.plan_schemas import DraftBody, NewDraft, NewPlan, PlanBody, PreviewBody
from api.http.problem_schemas import ProblemBody
from api.http.problems import KINDS, MEDIA_TYPE
from api.http.rule_schemas import RulesBody
from api.http.schemas import (
    PATIENT_ID,
    AppointmentBody,
    AppointmentPage,
    Body,
    CancelOrder,
    ExchangedBody,
    ExchangeOrder,
    ExtendOrder,
    MarkOrder,
    NewAppointment,
    RescheduleOrder,
)
from api.http.setup_schemas import (
    ClinicChange,
    DoctorChange,
    NewClinic,
    NewDoctor,
    NewService,
    ServiceBody,
    ServiceChange,
    ServicePage,
)
from api.http.streams import EVENTS
from api.routes.consents import ConsentChoiceBody, ConsentPage
from api.routes.directory import (
    EXAMPLE_DOCTOR,
    ClinicBody,
    ClinicPage,
    DoctorBody,
    DoctorPage,
    SpecialtyPage,
)
from api.routes.inbound import InboundBody, ReplyBody
from api.routes.me import MeBody
from api.routes.receipts import ReceiptBody, StandingBody
from api.routes.schedule import ScheduleBody
from api.routes.slots import FreeSlotPage
from stack.seed_data import NAMED_DOCTORS, demo_patients

pytestmark = pytest.mark.unmeasured

DOCUMENT: dict[str, Any] = describe(describe_only())
DOCUMENT_TEXT = json.dumps(DOCUMENT)
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path.removeprefix('/api/v1')}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
APPOINTMENT = "/appointments/{appointmentId}"
DAY = "GET /doctors/{doctorId}/schedule"


def models_of(module: ModuleType) -> list[type[BaseModel]]:
    """Those that a module defines itself."""
    found = [each for each in vars(module).values() if isinstance(each, type)]
    return [each for each in found if issubclass(each, Body) and each.__module__ == module.__name__]


MODELS: list[type[BaseModel]] = [
    *models_of(patient_schemas),
    *models_of(trail_schemas),
    AppointmentBody,
    AppointmentPage,
    CancelOrder,
    ClinicPage,
    ConsentChoiceBody,
    ConsentPage,
    DoctorBody,
    DoctorPage,
    RescheduleOrder,
    MarkOrder,
    ExtendOrder,
    FreeSlotPage,
    HealthBody,
    MeBody,
    NewAppointment,
    NoticeBody,
    NoticePage,
    ReadinessBody,
    ReceiptBody,
    InboundBody,
    ReplyBody,
    StandingBody,
    ScheduleBody,
    SpecialtyPage,
    ClinicBody,
    NewClinic,
    ClinicChange,
    NewDoctor,
    DoctorChange,
    NewService,
    ServiceChange,
    ServiceBody,
    ServicePage,
    NewPlan,
    DraftBody,
    NewDraft,
    PlanBody,
    RulesBody,
    PreviewBody,
    NewException,
    AcceptedBody,
    ExceptionBody,
    CampaignBody,
    CampaignVisitPage,
    ExchangeOrder,
    ExchangedBody,
    ImportBegun,
    ImportBody,
]
BODIES = {model.__name__.removesuffix("Body"): model for model in MODELS}
every_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))


def statuses(name: str) -> set[str]:
    return set(OPERATIONS[name]["responses"])


def contents(name: str) -> dict[str, dict[str, Any]]:
    """The one content of each answer that has a body, by status."""
    return {
        status: next(iter(answer["content"].items()))[1]
        for status, answer in OPERATIONS[name]["responses"].items()
        if status != "304"
    }


@every_operation
def test_every_operation_has_a_summary_of_its_own(name: str) -> None:
    operation = OPERATIONS[name]

    automatic = operation["operationId"].split("_api_")[0].replace("_", " ").title()
    assert operation["summary"] != automatic
    assert operation["description"]


def test_every_operation_has_a_name_that_a_client_can_be_made_of() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)
    assert {"holdAppointment", "confirmAppointment", "searchSlots", "streamSchedule"} <= set(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)] == []


def test_a_parameter_has_the_name_that_bodies_have() -> None:
    names = {
        parameter["name"]
        for operation in OPERATIONS.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] != "header"
    }

    assert [name for name in names if "_" in name] == []
    assert all(f"{{{name}}}" in DOCUMENT_TEXT for name in ("appointmentId", "doctorId"))


@pytest.mark.parametrize(
    ("public", "url"),
    [
        (None, "http://localhost:8000"),
        ("https://clinic.example", "/"),
        ("https://clinic.example/priyom", "/priyom"),
    ],
)
def test_a_client_is_told_where_the_server_is(public: str | None, url: str) -> None:
    app = describe_only()
    app.state.origins = Origins(public=public)

    assert [server["url"] for server in describe(app)["servers"]] == [url]


def test_the_examples_are_of_the_demo_clinic() -> None:
    doctors = {(str(each.id), str(each.clinic.id), each.specialty) for each in NAMED_DOCTORS}
    card = EXAMPLE_DOCTOR

    assert (card["doctorId"], card["clinicId"], card["specialty"]) in doctors
    assert PATIENT_ID in {str(patient.id) for patient in demo_patients()}


@every_operation
def test_every_answer_has_an_example(name: str) -> None:
    for status, content in contents(name).items():
        assert content.get("example") or content.get("examples"), status


@every_operation
def test_every_error_is_a_problem_as_it_is_really_answered(name: str) -> None:
    for status, answer in OPERATIONS[name]["responses"].items():
        for shown in answer.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).values():
            problem = shown["value"]
            ProblemBody.model_validate_json(json.dumps(problem))
            assert problem["status"] == int(status)
            assert problem["code"] in KINDS
            assert problem["title"] in answer["description"]


@every_operation
def test_every_operation_tells_of_other_methods_and_of_our_faults(name: str) -> None:
    assert statuses(name) >= {"405", "500"}
    assert "Allow" in OPERATIONS[name]["responses"]["405"]["headers"]


@every_operation
def test_every_operation_of_the_product_may_be_without_its_servers(name: str) -> None:
    if OPERATIONS[name]["tags"] != ["operations"]:
        assert "Retry-After" in OPERATIONS[name]["responses"]["503"]["headers"]


@every_operation
def test_every_operation_that_takes_a_value_may_find_it_malformed(name: str) -> None:
    if OPERATIONS[name].get("parameters") or "requestBody" in OPERATIONS[name]:
        assert "malformed" in contents(name)["422"]["examples"]


@every_operation
def test_every_example_has_the_form_of_its_schema(name: str) -> None:
    taken = OPERATIONS[name].get("requestBody", {}).get("content", {}).values()
    for content in [*contents(name).values(), *taken]:
        schema = json.dumps(content["schema"])
        model: type[BaseModel] | None = next(
            (BODIES[each] for each in BODIES if f'/{each}"' in schema), None
        )
        if model is not None:
            model.model_validate_json(json.dumps(content["example"]))
        else:
            assert "/Problem" in schema or content["schema"] in ({"type": "string"}, EVENTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("POST /appointments", {"400", "408", "413", "415"}),
        (f"POST {APPOINTMENT}/cancel", {"400", "408", "413", "415"}),
        (f"POST {APPOINTMENT}/extend", {"400", "408", "413", "415"}),
        (f"POST {APPOINTMENT}/confirm", {"408", "413"}),
        (f"GET {APPOINTMENT}", set()),
    ],
)
def test_only_what_reads_a_body_has_faults_of_bodies(name: str, expected: set[str]) -> None:
    assert statuses(name) & {"400", "408", "413", "415"} == expected


@pytest.mark.parametrize("status", ["200", "304"])
def test_a_day_tells_how_it_may_be_kept(status: str) -> None:
    headers = OPERATIONS[DAY]["responses"][status]["headers"]

    assert set(headers) == {"ETag", "Cache-Control", "Cache-Status"}
    assert all(header["description"] and header["example"] for header in headers.values())


def test_a_day_is_asked_for_with_the_tag_of_an_earlier_answer() -> None:
    asked = {each["name"]: each for each in OPERATIONS[DAY]["parameters"]}["If-None-Match"]

    assert (asked["in"], asked["required"]) == ("header", False)
    assert asked["description"]
    assert asked["schema"]["examples"]


def test_readiness_shows_both_of_its_answers() -> None:
    shown = contents("GET /readyz")

    assert shown["200"]["example"]["status"] == "ready"
    assert shown["503"]["example"]["status"] == "unavailable"


async def test_a_path_with_two_routes_tells_the_methods_of_both() -> None:
    app = describe_only()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://clinic") as http:
        answer = await http.request("OPTIONS", f"/api/v1/patients/{UUID(int=1)}/consents")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert describe(app) == DOCUMENT
