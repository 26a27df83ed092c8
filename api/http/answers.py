"""Answers as JSON, and every exception as a problem."""

import re
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from adapters.postgres.database import DATABASE_AWAY
from api.booking.hold_order import ReplayedRefusal
from api.booking.temporal_errors import NoAnswer
from api.http.problems import (
    MEDIA_TYPE,
    FieldError,
    Malformed,
    Problem,
    malformed,
    problem_of,
    unavailable,
)
from api.http.refusals import note_problem
from domain.errors import Refused

REPLAYED = {"idempotent-replayed": "true"}
NO_STORE = {"cache-control": "no-store"}
"""Appointments tell about a patient: no cache on the way may keep them."""

NO_CACHE = {"cache-control": "no-cache"}
"""What everybody may read changes with every booking: where it is kept, it is asked for again."""


log = structlog.stdlib.get_logger(__name__)


class JsonAnswer(Response):
    """A body that is ready to be written."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return orjson.dumps(content)


class ProblemAnswer(JsonAnswer):
    """A problem, as RFC 9457 has it."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: dict[str, str] | None = None) -> None:
        named = problem.extras.get("appointmentId")
        note_problem(problem.code, **({} if named is None else {"appointment_id": named}))
        super().__init__(
            problem.document(),
            status_code=problem.http_status,
            headers={**NO_STORE, **problem.headers, **(headers or {})},
        )


def answer_exceptions(app: FastAPI) -> None:
    """Register what each exception means; bugs are left to the edge."""
    for kind in (Problem, Refused, ReplayedRefusal, NoAnswer, *DATABASE_AWAY):
        app.add_exception_handler(kind, _answered)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _answered(_: Request, error: Exception) -> Response:
    match error:
        case Problem():
            return ProblemAnswer(error)
        case Refused():
            return ProblemAnswer(problem_of(error))
        case ReplayedRefusal():
            return ProblemAnswer(problem_of(error.refusal), REPLAYED)
        case NoAnswer():
            return ProblemAnswer(unavailable(appointment_id=error.appointment_id))
        case _:
            return without_database(error)


def without_database(error: Exception) -> ProblemAnswer:
    """The answer where the database gave none: one of `DATABASE_AWAY`."""
    state = getattr(error, "sqlstate", None)
    log.warning("database_gave_no_answer", error=type(error).__name__, sqlstate=state)
    return ProblemAnswer(unavailable())


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it, as below
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return ProblemAnswer(Malformed("body", "is not JSON", status=400))
    return ProblemAnswer(malformed([field_error(each) for each in found[:20]]))


def _allowed(request: Request, told: str) -> str:
    """All methods that the path is described with: Starlette tells those of its first route."""
    methods = {method.strip() for method in told.split(",") if method.strip()}
    for path, operations in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{[^/]+\}", "[^/]+", path), request.url.path):
            methods |= {method.upper() for method in operations}
    return ", ".join(sorted(methods))


async def _http(request: Request, error: Exception) -> Response:
    """Starlette's own errors: no route, or no such method there."""
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = dict(error.headers or {})
    if error.status_code == 405:  # noqa: PLR2004 - HTTP's own number
        headers["Allow"] = _allowed(request, headers.get("Allow", ""))
        detail = f"This page answers {headers['Allow']}."
        return ProblemAnswer(Problem(code="method_not_allowed", detail=detail), headers)
    if error.status_code == 400:  # noqa: PLR2004
        return ProblemAnswer(Malformed("body", "is not JSON", status=400))
    return ProblemAnswer(Problem(code="not_found", detail="There is no such page."))


def field_error(error: dict[str, Any]) -> FieldError:
    """FastAPI's location without its first part (body, path, query), which says nothing more."""
    where = [str(part) for part in error["loc"]]
    name = ".".join(where[1:] or where)[:100]
    if where[0] == "path":  # the only names that are ours and not the caller's
        name = to_camel(name)
    return FieldError(field=name, message=_sentence(error))


def _sentence(error: dict[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of this request"
        case "model_attributes_type" | "model_type":
            return "must be a JSON object"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return _wrong_value(error)


def _wrong_value(error: dict[str, Any]) -> str:
    """A value of another type, or one outside what the field takes."""
    bounds = error.get("ctx", {})
    match error["type"]:
        case "int_type" | "int_parsing" | "int_parsing_size" | "int_from_float":
            return "must be a whole number"
        case "greater_than_equal":
            return f"must be at least {bounds['ge']}"
        case "less_than_equal":
            return f"must be at most {bounds['le']}"
        case "string_too_long":
            return f"must have at most {bounds['max_length']} characters"
        case "enum":
            return f"must be {bounds['expected']}"
        case _:
            return "cannot be translated"
