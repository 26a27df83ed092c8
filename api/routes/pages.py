"""Pages for people, served from this process alone: the API's description and its problems."""

import re
from html import escape
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from api.answers import JsonAnswer
from api.openapi import describe
from api.problems import KINDS, Kind
from domain.errors import REFUSALS

HERE = Path(__file__).parent.parent / "page"
SWAGGER = HERE / "swagger"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Swagger UI sets styles on its elements; nothing of any page comes from elsewhere."""

SAFE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
ASSETS = {
    "swagger-ui-bundle.js": SWAGGER,
    "swagger-ui-bundle.js.LICENSE.txt": SWAGGER,
    "swagger-ui.css": SWAGGER,
    "favicon-32x32.png": SWAGGER,
    "LICENSE": SWAGGER,
    "NOTICE": SWAGGER,
    "start.js": HERE,
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> Response:
    """Where the links in patients' messages lead."""
    return FileResponse(HERE / "home.html", headers=SAFE)


@router.get("/docs")
async def docs() -> Response:
    return FileResponse(HERE / "docs.html", headers=SAFE)


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    folder = ASSETS.get(name)
    if folder is None:
        raise HTTPException(404)
    headers = {**SAFE, "cache-control": "max-age=86400"}
    media_type = None if "." in name else "text/plain"
    return FileResponse(folder / name, headers=headers, media_type=media_type)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    return JsonAnswer(describe(request.app))


@router.get("/problems")
async def problems() -> Response:
    rows = "\n".join(
        f'<tr><td><a href="/problems/{code}"><code>{code}</code></a></td>'
        f"<td>{kind.status}</td><td>{escape(kind.title)}</td></tr>"
        for code, kind in KINDS.items()
    )
    return _page("problems.html", rows=rows)


@router.get("/problems/page.css")
async def style() -> Response:
    return FileResponse(HERE / "page.css", headers=SAFE)


@router.get("/problems/{code}")
async def problem(code: str) -> Response:
    kind = KINDS.get(code)
    if kind is None:
        raise HTTPException(404)
    return _page(
        "problem.html",
        code=kind.code,
        status=str(kind.status),
        title=escape(kind.title),
        meaning=_marked_up(_meaning(kind)),
        advice=_marked_up(kind.advice),
    )


def _meaning(kind: Kind) -> str:
    refusal = REFUSALS.get(kind.code)
    return (refusal.__doc__ or "") if refusal else f"{kind.title}."


def _marked_up(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _page(name: str, **values: str) -> Response:
    text = Template((HERE / name).read_text("utf-8")).substitute(values)
    return Response(text, media_type="text/html", headers=SAFE)
