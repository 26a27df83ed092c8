"""The patient's pages: whom to see, when, and what became of it."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from adapters.directory import list_doctors, list_specialties
from adapters.reading import read
from api.dependencies import DemoDesk, Engine
from api.page import visitor as visitors
from api.page.forms import OwnForm, local, see
from api.page.rendering import page
from api.page.visitor import PatientOrNobody
from api.routes.pages import A_YEAR, is_secure
from api.schemas import Id, Text

ALL = 100

router = APIRouter(include_in_schema=False)


@router.get("/")
async def doctors(
    visitor: PatientOrNobody,
    engine: Engine,
    specialty: Annotated[Text | None, Query()] = None,
) -> Response:
    """Where the links in patients' messages lead: whom to see, and when each is free next."""
    found = await read(engine, partial(list_doctors, limit=ALL, specialty=specialty))
    specialties = await read(engine, partial(list_specialties, limit=ALL))
    return page(
        visitor,
        "doctors.html",
        here="book",
        doctors=found,
        specialties=specialties,
        chosen=specialty,
    )


@router.post("/patient")
async def be_another(
    _: OwnForm,
    request: Request,
    desk: DemoDesk,
    patient: Annotated[Id, Form()],
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Sign-in takes the place of this one."""
    answer = see(local(back))
    if await desk.one(patient) is not None:
        answer.set_cookie(
            visitors.COOKIE,
            str(patient),
            max_age=A_YEAR,
            httponly=True,
            samesite="lax",
            secure=is_secure(request),
        )
    return answer
