"""A route of the API takes the query parameters that it knows, each once, and no others."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

from api.http.actor import permissions_in
from api.http.problems import FieldError, malformed

MOST_TOLD = 20


class StrictRoute(APIRoute):
    """An unknown parameter is a typing error: ignored, it would give everything for a part.

    Of a parameter that is given twice, a proxy or a cache may take the other one.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = set(_parameters(self.dependant))
        permissions = list(permissions_in(self.dependant))

        async def handle_known(request: Request) -> Response:
            for permission in permissions:  # before anything is said about the request itself
                await permission(request)
            if request.scope["query_string"]:
                wrong = list(_wrong_with(request.query_params.multi_items(), known))
                if wrong:
                    raise malformed(wrong[:MOST_TOLD])
            return await handle(request)

        return handle_known


def operation_name(route: APIRoute) -> str:
    """What a generated client is to call the operation."""
    return to_camel(route.name)


def _wrong_with(given: Iterable[tuple[str, str]], known: set[str]) -> Iterator[FieldError]:
    for name, times in Counter(name for name, _ in given).items():
        if name not in known:
            yield FieldError(field=name[:100], message="is not a parameter of this call")
        elif times > 1:
            yield FieldError(field=name, message="must be given once")


def _parameters(dependant: Dependant) -> Iterator[str]:
    """Those of the route itself and of all that it depends on."""
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _parameters(each)
