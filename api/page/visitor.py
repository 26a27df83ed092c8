"""Who looks at a page, and how: signed in, or any patient of the demo where nobody signs in."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from adapters.messages.visit import Language
from adapters.postgres.accounts import names_of
from adapters.postgres.demo_patients import DemoPatient
from adapters.postgres.reads import read_by_cursor
from api.dependencies import DatabaseDep, DemoPatientsDep, PageSignInDep
from api.http.actor import sees_patients
from api.http.negotiation import takes_gzip
from api.http.problems import Problem
from api.http.schemas import parse_uuid
from api.page.demo_desk import DemoPatients
from api.page.language import language_of
from api.sign_in.sessions import COOKIE as SESSION
from domain.permissions import Action, may_ever

COOKIE = "patient"


class PageSignInState(StrEnum):
    """What the head of every page says of it."""

    OFF = "off"  # anybody may be anybody, which is said loudly
    OUT = "out"
    IN = "in"


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """`patient` is null for those who are nobody yet; `others` are whom they may be instead."""

    language: Language
    path: str
    takes_gzip: bool = False
    knows: str | None = None
    patient: DemoPatient | None = None
    others: list[DemoPatient] = field(default_factory=list)
    sign_in: PageSignInState = PageSignInState.OFF
    manages: bool = False
    """May open the managers' pages, as far as this page knows."""

    @property
    def patient_id(self) -> UUID | None:
        return None if self.patient is None else self.patient.patient_id

    @property
    def signed_in(self) -> DemoPatient:
        """Who this is; raises a problem for those who are nobody."""
        if self.patient is None:
            raise Problem(code="nobody", detail="Nobody is signed in.")
        return self.patient


def anybody(connection: HTTPConnection) -> Visitor:
    """A visitor of a page that is the same for everybody."""
    path, query = connection.url.path, connection.url.query
    if connection.scope["method"] != "GET":  # what a form did cannot be shown once more
        path, query = "/", ""
    return Visitor(
        language=language_of(connection),
        path=f"{path}?{query}" if query else path,
        takes_gzip=takes_gzip(connection.headers.get("accept-encoding", "")),
        knows=connection.headers.get("if-none-match"),
        sign_in=_state_of(connection),
    )


def _state_of(connection: HTTPConnection) -> PageSignInState:
    """By the cookie alone: whether its session still stands is asked where it matters."""
    services = getattr(connection.app.state, "services", None)
    if services is None or services.page_sign_in is None:
        return PageSignInState.OFF
    is_named = SESSION in connection.cookies
    return PageSignInState.IN if is_named else PageSignInState.OUT


async def _anybody(request: Request) -> Visitor:
    return anybody(request)


async def _patient(
    request: Request, desk: DemoPatientsDep, pages: PageSignInDep, database: DatabaseDep
) -> Visitor:
    """Who is signed in, as the one that is booked for; nobody where nobody is."""
    if pages is None:
        return await _of_the_demo(request, desk)
    visitor = anybody(request)
    if visitor.sign_in is not PageSignInState.IN:
        return visitor
    actor = await request.app.state.services.callers.actor_of(request)
    session = await pages.sessions.find(request)
    names = await read_by_cursor(
        database, lambda cursor: names_of(cursor, actor.patients), sees_patients(actor)
    )
    others = [DemoPatient(patient_id=key, name=name) for key, name in names.items()]
    by_id = {each.patient_id: each for each in others}
    chosen = session.chosen if session is not None else None
    wanted = (by_id.get(each) for each in (chosen, actor.patient_id) if each is not None)
    patient = next(filter(None, wanted), None) or next(iter(others), None)
    manages = may_ever(actor, Action.CHANGE_CLINIC)
    facts = {"patient": patient, "others": others, "manages": manages}
    return Visitor(**{**vars(visitor), **facts})


async def _of_the_demo(request: Request, desk: DemoPatients) -> Visitor:
    """The patient of the cookie, else the first of the demo."""
    others = await desk.some()
    chosen = _id(request.cookies.get(COOKIE))
    patient = await desk.one(chosen) if chosen is not None else None
    patient = patient or next(iter(others), None)
    if patient is not None and patient not in others:
        others = [patient, *others]
    facts = {"patient": patient, "others": others, "manages": True}
    return Visitor(**{**vars(anybody(request)), **facts})


async def _signed_in(visitor: Annotated[Visitor, Depends(_patient)]) -> Visitor:
    _ = visitor.signed_in
    return visitor


def _id(written: str | None) -> UUID | None:
    try:
        return parse_uuid(written)
    except ValueError:
        return None


Anybody = Annotated[Visitor, Depends(_anybody)]
"""Pages without a patient: the staff's, the API's."""

PatientOrNobody = Annotated[Visitor, Depends(_patient)]
Patient = Annotated[Visitor, Depends(_signed_in)]
"""Pages of a patient: the visitor's `patient` is never null."""
