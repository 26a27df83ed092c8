"""The two calls that are measured, over HTTP as the product has them: POST hold, POST confirm."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import orjson
import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapters.process.gc_tuning import collect_garbage_seldom
from api.http.schemas import Id, NewAppointment
from bench.peers.steps import request_for
from domain.booking import Appointment, BookingRequest
from domain.documents import document
from domain.errors import Refused


class Desk(Protocol):
    """An engine as its API sees it; both answer with the appointment's JSON, or raise Refused."""

    async def hold(self, request: BookingRequest) -> bytes: ...

    async def confirm(self, appointment_id: Id) -> bytes: ...


OpenDesk = Callable[[], AbstractAsyncContextManager[Desk]]
router = APIRouter(prefix="/api/v1/appointments")


@router.post("")
async def hold(wish: NewAppointment, request: Request) -> Response:
    desk: Desk = request.app.state.desk
    wanted = request_for(wish.patient_id, wish.doctor_id, wish.date_time)
    return _json(await desk.hold(wanted), status=201)


@router.post("/{appointment_id}/confirm")
async def confirm(appointment_id: Id, request: Request) -> Response:
    desk: Desk = request.app.state.desk
    return _json(await desk.confirm(appointment_id))


def written(appointment: Appointment) -> bytes:
    return orjson.dumps(document(appointment))


def serve(open_desk: OpenDesk, port: int) -> None:
    """Until told to stop; uvloop and httptools, as the product's API."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_desk() as desk:
            app.state.desk = desk
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.include_router(router)
    app.add_exception_handler(Refused, _refused)
    app.add_api_route("/health", lambda: Response("ok"))
    collect_garbage_seldom()
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
    )


def _json(content: bytes, *, status: int = 200) -> Response:
    return Response(content, status_code=status, media_type="application/json")


async def _refused(_: Request, no: Exception) -> Response:
    return _json(orjson.dumps({"code": getattr(no, "code", "unknown")}), status=409)
