"""Which language a page is in: the one chosen by its switch, else the browser's."""

from starlette.requests import HTTPConnection

from adapters.messages.visit import Language
from api.http.negotiation import wishes

COOKIE = "language"


def language_of(connection: HTTPConnection) -> Language:
    """English for those who ask for neither language."""
    chosen = connection.cookies.get(COOKIE)
    if chosen in set(Language):
        return Language(chosen)
    for wish in wishes(connection.headers.get("accept-language", "")):
        language = wish.split("-")[0]
        if language in set(Language):
            return Language(language)
    return Language.EN
