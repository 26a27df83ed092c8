"""Who looks at a page, and how: the one place where sign-in will come."""

from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from adapters.messages.visit import Language
from adapters.postgres.demo_patients import DemoPatient
from api.dependencies import DemoPatientsDep
from api.http.negotiation import takes_gzip
from api.http.problems import Problem
from api.http.schemas import parse_uuid
from api.page.language import language_of

COOKIE = "patient"


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """`patient` is null for those who are nobody yet; `others` are whom they may be instead."""

    language: Language
    path: str
    takes_gzip: bool = False
    knows: str | None = None
    patient: DemoPatient | None = None
    others: list[DemoPatient] = field(default_factory=list)

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
    )


async def _anybody(request: Request) -> Visitor:
    return anybody(request)


async def _patient(request: Request, desk: DemoPatientsDep) -> Visitor:
    """The patient of the cookie, else the first of the demo: where sign-in will come."""
    others = await desk.some()
    chosen = _id(request.cookies.get(COOKIE))
    patient = await desk.one(chosen) if chosen is not None else None
    patient = patient or next(iter(others), None)
    if patient is not None and patient not in others:
        others = [patient, *others]
    return Visitor(**{**vars(anybody(request)), "patient": patient, "others": others})


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
