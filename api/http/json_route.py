"""How a body is read: JSON by the letter of its standard, and no other media type."""

import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response

from api.http.actor import permissions_in
from api.http.problems import Malformed
from api.http.strict_query import StrictRoute

JSON = re.compile(r"application/(json|[\w.+-]+\+json)\s*(;.*)?", re.ASCII | re.IGNORECASE)


class StrictRequest(Request):
    """orjson refuses NaN, invalid UTF-8, lone surrogates and bottomless nesting."""

    async def json(self) -> Any:
        return orjson.loads(await self.body())


class JsonRoute(StrictRoute):
    """A route whose body, if it takes one, is JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle
        permissions = list(permissions_in(self.dependant))
        is_required = self.body_field.field_info.is_required()

        async def handle_json(request: Request) -> Response:
            for permission in permissions:
                await permission(request)
            strict = StrictRequest(request.scope, request.receive)
            body = await strict.body()
            if body:
                _refuse_other_media_types(strict)
                _refuse_repeated_names(body)
            elif is_required:
                raise Malformed("body", "is not JSON", status=400)
            return await handle(strict)

        return handle_json


def _refuse_other_media_types(request: Request) -> None:
    named = ", ".join(request.headers.getlist("content-type"))  # two of them are none
    if not JSON.fullmatch(named):
        raise Malformed("Content-Type", "must be application/json", status=415)


def _refuse_repeated_names(body: bytes) -> None:
    """Which of the two is meant, one reader tells so and another otherwise (RFC 8259, 4)."""

    try:
        NAMES_ONCE.decode(body.decode())
    except (ValueError, RecursionError):
        return  # what is no JSON is told where it is read


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    counted = Counter(name for name, _ in pairs)
    twice = next(name for name, times in counted.items() if times > 1)
    field = twice[:100].encode(errors="replace").decode()
    raise Malformed(field, "must be given once")


NAMES_ONCE = json.JSONDecoder(object_pairs_hook=_once, parse_int=str, parse_float=str)
