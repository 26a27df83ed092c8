"""Forms: taken from our own pages only, answered by a redirect."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from api.http.origins import Origins
from api.http.problems import Problem
from api.http.schemas import Text
from api.page.rendering import SAFE

LONGEST_PATH = 2000
"""In characters: of a path with its query, more than a page of ours has."""
A_YEAR = 365 * 24 * 60 * 60
"""In seconds: how long a browser keeps a choice."""


async def same_origin(request: Request) -> None:
    """Refuses a form of another site."""
    origins = request.app.state.origins
    assert isinstance(origins, Origins)  # noqa: S101 - the application was made with them
    if not origins.is_own_page(request.headers):
        raise Problem(code="foreign_form", detail="The form was sent by another site.")


def _in_one_line(typed: object) -> object:
    return " ".join(typed.split()) if isinstance(typed, str) else typed


Searched = Annotated[Text | None, BeforeValidator(_in_one_line), Query()]
"""What is looked for: cells that are pasted from a table have tabs between them."""

OwnForm = Annotated[None, Depends(same_origin)]


def see(path: str) -> Response:
    """On to a page, by GET, after a form was taken."""
    return RedirectResponse(path, status_code=303, headers={**SAFE, "cache-control": "no-store"})


def see_with(path: str, **query: object) -> Response:
    """The same, with what the page is to say: null says nothing."""
    said = urlencode({name: value for name, value in query.items() if value is not None})
    if not said:
        return see(path)
    return see(f"{path}{'&' if '?' in path else '?'}{said}")


def keep(answer: Response, request: Request, cookie: str, value: str) -> Response:
    """The answer, with a cookie that scripts and other sites' forms do not get.

    It is for TLS only where the browser came by TLS, to us or to the proxy before us.
    """
    by_tls = request.headers.get("origin", "").lower().startswith("https://")
    answer.set_cookie(
        cookie,
        value,
        max_age=A_YEAR,
        httponly=True,
        samesite="lax",
        secure=by_tls or request.url.scheme == "https",
    )
    return answer


def local(path: str) -> str:
    """A path of this site, whatever a form or a link said; the first page for all else."""
    is_local = path.startswith("/") and not path.startswith("//") and "\\" not in path
    is_path = is_local and path.isprintable() and len(path) <= LONGEST_PATH
    return path if is_path else "/"
