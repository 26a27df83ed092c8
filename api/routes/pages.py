"""Pages for everybody, served from this process alone: assets, the API's description, problems."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from adapters.messages.visit import Language
from api.http.actor import FOR_ANYBODY_FREELY
from api.http.answers import JsonAnswer
from api.http.etags import knows
from api.http.negotiation import takes_gzip
from api.http.openapi import describe
from api.http.problems import KINDS, Kind
from api.http.strict_query import StrictRoute
from api.page import language
from api.page.assets import by_path
from api.page.forms import OwnForm, keep, local, see
from api.page.rendering import page
from api.page.visitor import Anybody
from domain.errors import REFUSALS

HERE = Path(__file__).parent.parent / "page"
SWAGGER = HERE / "swagger"
SWAGGER_SAFE = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""Swagger UI sets styles on its elements; it is no page of a patient, and takes no form."""

FOR_GOOD = "public, max-age=31536000, immutable"
ASSETS = {
    "swagger-ui-bundle.js": SWAGGER,
    "swagger-ui-bundle.js.LICENSE.txt": SWAGGER,
    "swagger-ui.css": SWAGGER,
    "favicon-32x32.png": SWAGGER,
    "LICENSE": SWAGGER,
    "NOTICE": SWAGGER,
    "start.js": HERE,
}

router = APIRouter(
    include_in_schema=False, dependencies=[FOR_ANYBODY_FREELY], route_class=StrictRoute
)


@router.get("/assets/{name}")
async def hashed_asset(name: str, request: Request) -> Response:
    """Its name is its content's: whoever has it need not ask again."""
    found = by_path().get(f"/assets/{name}")
    if found is None:
        raise HTTPException(404)
    headers = {
        "cache-control": FOR_GOOD,
        "etag": found.etag,
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
    }
    if knows(request.headers.get("if-none-match", ""), found.etag):
        return Response(status_code=304, headers=headers)
    content = found.content
    if found.zipped is not None and takes_gzip(request.headers.get("accept-encoding", "")):
        content, headers["content-encoding"] = found.zipped, "gzip"
    return Response(content, media_type=found.media_type, headers=headers)


@router.post("/language")
async def choose_language(
    _: OwnForm,
    request: Request,
    chosen: Annotated[Language, Form(alias="language")],
    back: Annotated[str, Form()] = "/",
) -> Response:
    return keep(see(local(back)), request, language.COOKIE, chosen)


@router.get("/docs")
async def docs() -> Response:
    return FileResponse(HERE / "docs.html", headers=SWAGGER_SAFE)


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    folder = ASSETS.get(name)
    if folder is None:
        raise HTTPException(404)
    headers = {**SWAGGER_SAFE, "cache-control": "max-age=86400"}
    media_type = None if "." in name else "text/plain"
    return FileResponse(folder / name, headers=headers, media_type=media_type)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    return JsonAnswer(describe(request.app))


@router.get("/problems")
async def problems(visitor: Anybody) -> Response:
    return page(visitor, "problems.html", kinds=list(KINDS.values()))


@router.get("/problems/{code}")
async def problem(code: str, visitor: Anybody) -> Response:
    kind = KINDS.get(code)
    if kind is None:
        raise HTTPException(404)
    return page(visitor, "problem.html", kind=kind, meaning=_meaning(kind))


def _meaning(kind: Kind) -> str:
    refusal = REFUSALS.get(kind.code)
    return (refusal.__doc__ or "") if refusal else f"{kind.title}."
