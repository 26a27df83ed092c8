"""What is tried on every page is tried on every page: the table names all of them."""

from fastapi import FastAPI

from api.http.actor import permissions_of
from tests.pages import NO_PAGES, PAGES


def test_every_page_stands_in_the_table(built_once: FastAPI) -> None:
    read = {
        str(route.path)
        for route, _ in permissions_of(built_once)
        if "GET" in (route.methods or ()) and not str(route.path).startswith("/api/")
    }

    assert read == PAGES.keys() | NO_PAGES.keys()
    assert not PAGES.keys() & NO_PAGES.keys()
