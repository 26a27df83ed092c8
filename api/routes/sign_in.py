"""Sign-in and sign-out of the pages, and whom somebody books for."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from api.dependencies import PageSignInDep
from api.http.actor import FOR_ANYBODY, SelfCaller
from api.http.schemas import Id
from api.page.forms import OwnForm, local, see
from domain.errors import PatientNotFound

Back = Annotated[str, Query()]
LongWord = Annotated[str | None, Query(max_length=4096)]

router = APIRouter(include_in_schema=False)


@router.get("/sign-in", dependencies=[FOR_ANYBODY])
async def begin(pages: PageSignInDep, back: Back = "/") -> Response:
    """On to the issuer; where nobody signs in, back to where one was."""
    place = local(back)
    return see(place) if pages is None else await pages.begin(place)


@router.get("/sign-in/callback", dependencies=[FOR_ANYBODY])
async def callback(
    request: Request, pages: PageSignInDep, code: LongWord = None, state: LongWord = None
) -> Response:
    return see("/") if pages is None else await pages.finish(request, code=code, state=state)


@router.post("/sign-out", dependencies=[FOR_ANYBODY])
async def end(_: OwnForm, request: Request, pages: PageSignInDep) -> Response:
    return see("/") if pages is None else await pages.end(request)


@router.post("/acting-for")
async def choose(
    *,
    _: OwnForm,
    request: Request,
    caller: SelfCaller,
    pages: PageSignInDep,
    patient: Annotated[Id, Form()],
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Oneself, a child, a parent: of those whom one may act for."""
    if patient not in caller.actor.patients:
        raise PatientNotFound
    if pages is not None:
        await pages.sessions.choose(request, patient)
    return see(local(back))
