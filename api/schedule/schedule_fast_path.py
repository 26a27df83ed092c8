"""The plainest way to read a doctor's day, answered in front of the framework."""

import asyncio
import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.postgres.database import DATABASE_AWAY
from api.http.actor import count_anybody
from api.http.answers import ProblemAnswer, without_database
from api.http.dates import parse_date
from api.http.middleware import patience
from api.http.problems import Problem, problem_of, unavailable
from api.services import Services
from domain.errors import Refused

ROUTE = "/api/v1/doctors/{doctor_id}/schedule"
PATH = re.compile(
    r"/api/v1/doctors/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/schedule",
    re.ASCII | re.IGNORECASE,
)
QUERY = re.compile(rb"date=(\d{4}-\d\d-\d\d)")
CONDITION = b"if-none-match"
OF_A_BODY = {b"content-length", b"transfer-encoding"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A day of a doctor, asked for in the one form that is looked for here."""

    doctor_id: UUID
    day: date
    if_none_match: str | None


class ScheduleFastPath:
    """Answers what `asked` understands as the route of the same path would, byte for byte.

    Everything else goes on to the framework: other pages, other forms of the same request, and
    all that is wrong with it.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._patience = patience(seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plain = asked(scope)
        if plain is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = ROUTE  # by which the edge counts requests
        scope["path_params"] = {"doctor_id": scope["path"].split("/")[4]}
        services = scope["app"].state.services
        answer = await self._answer(services, plain, HTTPConnection(scope))
        await answer(scope, receive, send)

    async def _answer(
        self, services: Services, plain: Asked, connection: HTTPConnection
    ) -> ASGIApp:
        """What is waited for here heeds its end at once: others wait for the servers themselves."""
        try:
            async with asyncio.timeout(self._patience):
                if services.limits is not None:
                    await count_anybody(services.limits, services.callers, connection)
                written, was_cached = await services.rendered.read(plain.doctor_id, plain.day)
        except TimeoutError:
            return ProblemAnswer(unavailable())
        except Problem as problem:
            return ProblemAnswer(problem)
        except Refused as refused:
            return ProblemAnswer(problem_of(refused))
        except DATABASE_AWAY as error:
            return without_database(error)
        return written.answer(was_cached=was_cached, if_none_match=plain.if_none_match)


def asked(scope: Scope) -> Asked | None:
    """The day that is asked for, if it is in the plainest form of all."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope.get("root_path"):
        return None
    path, query = PATH.fullmatch(scope["path"]), QUERY.fullmatch(scope["query_string"])
    if path is None or query is None:
        return None
    conditions = [value for name, value in scope["headers"] if name == CONDITION]
    if len(conditions) > 1 or any(name in OF_A_BODY for name, _ in scope["headers"]):
        return None
    try:
        day = parse_date(query[1].decode("ascii"))
    except ValueError:
        return None
    condition = conditions[0].decode("latin-1") if conditions else None
    return Asked(doctor_id=UUID(path[1]), day=day, if_none_match=condition)
