"""How a body is read: JSON by the letter of its standard, and no other media type."""

import re
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
            elif is_required:
                raise Malformed("body", "is not JSON", status=400)
            return await handle(strict)

        return handle_json


def _refuse_other_media_types(request: Request) -> None:
    named = ", ".join(request.headers.getlist("content-type"))  # two of them are none
    if not JSON.fullmatch(named):
        raise Malformed("Content-Type", "must be application/json", status=415)
