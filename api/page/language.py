"""Which language a page is in: the one chosen by its switch, else the browser's."""

from starlette.requests import HTTPConnection

from adapters.messages.visit import Language

COOKIE = "language"
MANY = 32
"""So many wishes of a header are read; no browser sends as many."""


def language_of(connection: HTTPConnection) -> Language:
    """English for those who ask for neither language."""
    chosen = connection.cookies.get(COOKIE)
    if chosen in set(Language):
        return Language(chosen)
    for wish in _wishes(connection.headers.get("accept-language", "")):
        if wish in set(Language):
            return Language(wish)
    return Language.EN


def _wishes(header: str) -> list[str]:
    """The languages of an Accept-Language, the dearest first, without their regions."""
    weighed = [_weighed(part) for part in header.split(",")[:MANY]]
    weighed.sort(key=lambda pair: -pair[0])
    return [language for weight, language in weighed if weight > 0]


def _weighed(part: str) -> tuple[float, str]:
    tag, _, weight = part.partition(";q=")
    try:
        value = float(weight) if weight else 1.0
    except ValueError:
        value = 0.0
    return value, tag.strip().split("-")[0].lower()
