"""The description of the API; `python -m api.openapi` prints it, needing no server or setting."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import KINDS, MEDIA_TYPE, FieldError, Problem, malformed, unavailable
from api.schemas import APPOINTMENT_ID, DOCTOR_ID, ProblemBody

MARK = "x-problems"
REF = "#/components/schemas/"
ALWAYS = ("unavailable", "internal")
NOT_FOUND = {
    "appointment_id": "appointment_not_found",
    "doctor_id": "doctor_not_found",
    "patient_id": "patient_not_found",
}

DESCRIPTION = """Priyom books visits to the doctor.

Hold a slot with `POST /api/v1/appointments`, then confirm it before `heldUntil`; a hold that is
not confirmed frees the slot by itself. Send an `Idempotency-Key` with every booking: after a lost
answer the same request with the same key tells what became of it.

Times are RFC 3339 and carry an offset. Problems are `application/problem+json` (RFC 9457); the
page behind `type` explains each.
"""

Document = dict[str, Any]


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
        for path, operations in written["paths"].items():
            for operation in operations.values():
                _add_problems(operation, is_product=path.startswith("/api/"))
        _tidy_components(written)
        app.openapi_schema = written
    return app.openapi_schema


def _add_problems(operation: Document, *, is_product: bool) -> None:
    operation["responses"].pop("422", None)
    codes = [*_expected(operation), *operation.pop(MARK, []), *(ALWAYS if is_product else ())]
    by_status: dict[int, list[Problem]] = defaultdict(list)
    for problem in (each for code in dict.fromkeys(codes) for each in _examples(code)):
        by_status[problem.http_status].append(problem)
    for status in sorted(by_status):
        operation["responses"][str(status)] = _response(by_status[status])
    success = next(answer for status, answer in operation["responses"].items() if status < "3")
    for header, text in (_headers_of_success(operation)).items():
        success.setdefault("headers", {})[header] = _header(text)


def _expected(operation: Document) -> Iterator[str]:
    """What follows from what the operation takes."""
    names = [parameter["name"] for parameter in operation.get("parameters", [])]
    if names or "requestBody" in operation:
        yield "malformed"
    if "requestBody" in operation:
        yield "too_large"
    for name in names:
        if name in NOT_FOUND:
            yield NOT_FOUND[name]


def _headers_of_success(operation: Document) -> dict[str, str]:
    if "201" not in operation["responses"]:
        return {}
    return {
        "Location": "where the appointment is read",
        "Idempotent-Replayed": "true, where the same key was answered so before",
    }


def _response(found: list[Problem]) -> Document:
    headers = {name for problem in found for name in problem.headers}
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
        response["headers"] = {"Retry-After": _header("seconds to wait before the next try")}
    return response


def _header(description: str) -> Document:
    return {"description": description, "schema": {"type": "string"}}


def _examples(code: str) -> Iterator[Problem]:
    if code == "malformed":
        yield malformed([FieldError(field="dateTime", message="is required")])
    elif code == "unavailable":
        yield unavailable(appointment_id=APPOINTMENT_ID)
    else:
        yield Problem(
            code=code,
            detail=KINDS[code].advice,
            extras=EXTRAS.get(code, {}),
            headers={"retry-after": "120"} if code == "too_many_holds" else {},
        )
    if code == "too_large":  # it is given where there is a body, and so are these two
        body = FieldError(field="body", message="is not JSON")
        media_type = FieldError(field="Content-Type", message="must be application/json")
        yield malformed([body], status=400)
        yield malformed([media_type], status=415)


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


def main() -> None:
    from api.app import describe_only  # noqa: PLC0415 - routes import this module

    document = describe(describe_only())
    sys.stdout.write(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
