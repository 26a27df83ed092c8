"""The description of an application, as tools and integrators read it."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.alias_generators import to_camel

from api.http.actor import forbidden, permissions_of, unauthenticated
from api.http.links import add_links
from api.http.middleware import internal, late_body, too_large
from api.http.origins import Origins
from api.http.problem_schemas import ProblemBody
from api.http.problems import MEDIA_TYPE, Malformed, Problem, problem_of, unavailable
from api.http.public_path import root_of
from api.http.schemas import APPOINTMENT_ID, DOCTOR_ID, Body
from domain.booking import Refusal
from domain.errors import refused
from domain.permissions import Action

MARK = "x-problems"
REF = "#/components/schemas/"
IN_PATH = re.compile(r"{(\w+)}")
REFERENCE = re.compile(REF + r"(\w+)")
NOT_FOUND = {
    "appointment_id": "appointment_not_found",
    "doctor_id": "doctor_not_found",
    "patient_id": "patient_not_found",
    "clinic_id": "clinic_not_found",
    "service_id": "service_not_found",
    "exception_id": "exception_not_found",
    "campaign_id": "campaign_not_found",
    "import_id": "import_not_found",
    "notification_id": "notice_not_found",
}
NO_UUID = "must be a UUID, as 3f2b9f6e-0c55-4f0e-9b3e-6a5b3c1d2e4f"
WRONG = {
    "dateTime": "must be an RFC 3339 time with an offset, as 2027-03-01T09:00:00+03:00",
    "reason": "must be 'patient_request', 'clinic_request', 'mistake' or 'other'",
    "first": "must be an object with `id` and `version`",
    "version": "is required",
    "provider": "must be 'email' or 'sms'",
    "date": "must be a date, as 2027-03-01",
    "weekdays": "must be days of the week from 1 (Monday) to 7, several by comma",
    "specialty": "must not contain control characters",
    "limit": "must be at most 100",
    "fullName": "must not be blank",
    "timeZone": "must be a time zone, as Europe/Moscow",
    **dict.fromkeys((*NOT_FOUND, "clinicId"), NO_UUID),
    "messageId": "must be 1 to 255 visible ASCII characters",
}
"""What may be wrong with a field; the first that an operation takes is its example."""

HEADERS = {
    "www-authenticate": "how to say who calls",
    "retry-after": "seconds to wait before the next try",
    "allow": "the methods that this page answers",
}

DESCRIPTION = """Priyom books visits to the doctor.

Hold a slot with `POST /api/v1/appointments`, then confirm it before `heldUntil`; a hold that is
not confirmed frees the slot by itself. Send an `Idempotency-Key` with every booking: after a lost
answer the same request with the same key tells what became of it.

Times are RFC 3339 and carry an offset. Problems are `application/problem+json` (RFC 9457); the
page behind `type` explains each.
"""

Document = dict[str, Any]

TOKEN: Document = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
"""An access token of the clinic's issuer."""


def problems(*codes: str) -> Document:
    """For `openapi_extra`: the problems that do not follow from what an operation takes."""
    return {MARK: list(codes)}


def describe(app: FastAPI) -> Document:
    """OpenAPI 3.1 with every problem of every operation, made once."""
    if app.openapi_schema is None:
        written = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            routes=app.routes,
            license_info={"name": "MIT", "identifier": "MIT"},
        )
        schemas = written["components"]["schemas"]
        _restore_nulls(schemas)
        _add_security(app, written)
        for path, operations in written["paths"].items():
            for method, operation in operations.items():
                _add_problems(path, method, operation, schemas)
                _add_examples(operation, schemas)
        add_links(written["paths"])
        written["servers"] = [_server(app.state.origins)]
        _name_as_in_bodies(written)
        _tidy_components(written)
        app.openapi_schema = written
    return app.openapi_schema


def _server(origins: Origins) -> Document:
    """Where our pages are, by a path: a browser may know this server by another name."""
    if origins.public is None:
        return {"url": "http://localhost:8000", "description": "what `make up` starts"}
    return {"url": root_of(origins.public) or "/", "description": "this server"}


def _name_as_in_bodies(written: Document) -> None:
    """One name for one thing: `appointmentId` in paths, too."""
    text = json.dumps(written)
    for name in set(IN_PATH.findall(" ".join(written["paths"]))):
        for around in ('"%s"', "{%s}"):
            text = text.replace(around % name, around % to_camel(name))
    written.clear()
    written.update(json.loads(text))


def _add_security(app: FastAPI, written: Document) -> None:
    """Every operation asks for a token, but those for whoever asks."""
    written["components"]["securitySchemes"] = {"token": TOKEN}
    for route, action in permissions_of(app):
        for method in route.methods or () if action is not Action.LOOK_AROUND else ():
            operation = written["paths"].get(route.path, {}).get(method.lower(), {})
            operation["security"] = [{"token": []}]


def _restore_nulls(schemas: Document) -> None:
    """FastAPI leaves nulls out, of examples as well, where a field that is null is required."""
    for model in Body.__subclasses__():
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and model.__name__ in schemas:
            schemas[model.__name__].update(extra)


def _add_problems(path: str, method: str, operation: Document, schemas: Document) -> None:
    operation["responses"].pop("422", None)
    by_status: dict[int, list[Problem]] = defaultdict(list)
    for problem in _expected(path, method, operation, schemas):
        by_status[problem.http_status].append(problem)
    for status in sorted(by_status):
        operation["responses"][str(status)] = _response(by_status[status])
    success = next(answer for status, answer in operation["responses"].items() if status < "3")
    for header, text in (_headers_of_success(operation)).items():
        success.setdefault("headers", {})[header] = _header(text)


def _expected(path: str, method: str, operation: Document, schemas: Document) -> Iterator[Problem]:
    """What follows from what the operation takes, what its route tells, and what may always be."""
    fields = _fields(operation, schemas)
    wrong = next((name for name in WRONG if name in fields), None)
    if wrong is not None:
        yield Malformed(to_camel(wrong), WRONG[wrong])
    if method == "post":
        yield too_large()
        yield late_body()
    if "requestBody" in operation:
        yield Malformed("body", "is not JSON", status=400)
        yield Malformed("Content-Type", "must be application/json", status=415)
    if "security" in operation:
        yield unauthenticated()
        yield forbidden()
    told = operation.pop(MARK, [])
    found = [NOT_FOUND[name] for name in fields if name in NOT_FOUND]
    for code in dict.fromkeys([*found, *told]):
        yield _refusal(code)
    yield Problem(
        code="method_not_allowed",
        detail=f"This page answers {method.upper()}.",
        headers={"allow": method.upper()},
    )
    yield internal()
    if path.startswith("/api/"):
        yield unavailable(appointment_id=APPOINTMENT_ID if method == "post" else None)


def _fields(operation: Document, schemas: Document) -> list[str]:
    """The names of all parameters and of the body's fields."""
    names = [parameter["name"] for parameter in operation.get("parameters", [])]
    for reference in REFERENCE.findall(json.dumps(operation.get("requestBody"))):
        names += schemas[reference].get("properties", {})
    return names


def _headers_of_success(operation: Document) -> dict[str, str]:
    if "201" not in operation["responses"]:
        return {}
    return {
        "Location": "where the appointment is read",
        "Idempotent-Replayed": "true, where the same key was answered so before",
    }


def _add_examples(operation: Document, schemas: Document) -> None:
    """The example of a body's schema stands where the body is taken or given as well."""
    for part in [operation.get("requestBody", {}), *operation["responses"].values()]:
        for content in part.get("content", {}).values():
            found = REFERENCE.search(json.dumps(content.get("schema")))
            if found and not {"example", "examples"} & set(content):
                content["example"] = schemas[found[1]]["examples"][0]


def _response(found: list[Problem]) -> Document:
    headers = {name for problem in found for name in problem.headers if name in HEADERS}
    response: Document = {
        "description": "; ".join(dict.fromkeys(problem.kind.title for problem in found)),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": REF + "Problem"},
                "examples": {problem.code: {"value": problem.document()} for problem in found},
            }
        },
    }
    if headers:
        response["headers"] = {name.title(): _header(HEADERS[name]) for name in sorted(headers)}
    return response


def _header(description: str) -> Document:
    return {"description": description, "schema": {"type": "string"}}


def _refusal(code: str) -> Problem:
    return Problem(
        code=code,
        detail=problem_of(refused(Refusal(code=code))).detail,
        extras=EXTRAS.get(code, {}),
        headers={"retry-after": "120"} if code == "too_many_holds" else {},
    )


_ALTERNATIVES = {
    "alternatives": [
        {
            "doctorId": DOCTOR_ID,
            "dateTime": "2027-03-01T06:30:00Z",
            "endsAt": "2027-03-01T07:00:00Z",
        }
    ]
}
_APPOINTMENT = {"appointmentId": APPOINTMENT_ID}
EXTRAS: dict[str, dict[str, object]] = {
    "not_a_slot": {**_ALTERNATIVES},
    "slot_taken": {**_ALTERNATIVES},
    "already_held": {**_APPOINTMENT, "heldUntil": "2027-02-20T10:10:00Z"},
    "already_booked": {**_APPOINTMENT},
    "patient_busy": {**_APPOINTMENT},
}


def _tidy_components(written: Document) -> None:
    """Our problem in place of FastAPI's own; names without `Body`, which says nothing outside."""
    schemas = written["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    own = ProblemBody.model_json_schema(ref_template=REF + "{model}", mode="serialization")
    schemas.update(own.pop("$defs"))
    schemas["ProblemBody"] = own
    text = json.dumps(written)
    for name in schemas:
        if name.endswith("Body"):
            short = name.removesuffix("Body")
            text = text.replace(f'"{REF}{name}"', f'"{REF}{short}"')
            text = text.replace(f'"{name}"', f'"{short}"')
    written.clear()
    written.update(json.loads(text))
