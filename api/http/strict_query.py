"""A route of the API takes the query parameters that it knows, and no others."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.http.actor import permissions_in
from api.http.problems import FieldError, malformed


class StrictRoute(APIRoute):
    """An unknown parameter is a typing error: ignored, it would give everything for a part."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = set(_parameters(self.dependant))
        permissions = list(permissions_in(self.dependant))

        async def handle_known(request: Request) -> Response:
            for permission in permissions:  # before anything is said about the request itself
                await permission(request)
            unknown = [name for name in request.query_params if name not in known]
            if unknown:
                message = "is not a parameter of this call"
                raise malformed(
                    [FieldError(field=name[:100], message=message) for name in unknown[:20]]
                )
            return await handle(request)

        return handle_known


def _parameters(dependant: Dependant) -> Iterator[str]:
    """Those of the route itself and of all that it depends on."""
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _parameters(each)
