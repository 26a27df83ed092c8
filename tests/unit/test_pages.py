"""Pages without servers: language, forms, assets, problems, and that no text lacks its Russian."""

import gzip
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from adapters.messages.visit import Language
from api.page.assets import FOLDER, assets
from api.page.forms import local
from api.page.language import language_of
from api.page.rendering import environment
from api.page.words import TEMPLATES, russian, updated

pytestmark = pytest.mark.unmeasured

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://clinic.test") as client:
        yield client


def asking(accept: str, cookie: str = "") -> HTTPConnection:
    headers = [(b"accept-language", accept.encode()), (b"cookie", cookie.encode())]
    return HTTPConnection({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("ru", Language.RU),
        ("ru-RU,ru;q=0.9,en;q=0.8", Language.RU),
        ("de-DE,de;q=0.9,ru;q=0.5,en;q=0.4", Language.RU),
        ("en;q=0.5,ru;q=0.6", Language.RU),
        ("ru;q=0,de", Language.EN),
        ("ru;q=much", Language.EN),
        ("", Language.EN),
        ("*", Language.EN),
    ],
)
def test_a_page_is_in_the_dearest_language_that_it_can_be_in(
    accept: str, language: Language
) -> None:
    assert language_of(asking(accept)) is language


def test_the_switch_counts_more_than_the_browser_and_nonsense_in_it_less() -> None:
    assert language_of(asking("ru", "language=en")) is Language.EN
    assert language_of(asking("ru", "language=xx")) is Language.RU


def test_every_text_of_the_pages_is_said_in_russian_and_none_is_left_over() -> None:
    texts = updated()
    untold = [text.id for text in texts if text.id and not _is_told(text.string)]

    assert untold == []
    assert {text.id for text in russian()} == {text.id for text in texts}


def _is_told(said: object) -> bool:
    return all(said) if isinstance(said, tuple) else bool(said)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", sorted(file.name for file in TEMPLATES.iterdir()))
def test_every_template_can_be_read_in_every_language(name: str, language: Language) -> None:
    assert environment(language).get_template(name).name == name


def test_nothing_of_a_page_is_inline_or_from_elsewhere() -> None:
    for file in TEMPLATES.iterdir():
        text = file.read_text()
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! src=)|hx-on", text), file
        assert not re.search(r"(src|href|action)=\"(https?:)?//", text), file


@pytest.mark.parametrize("path", ["/problems", "/problems/slot_taken"])
async def test_a_page_has_a_strict_policy_and_a_tag_that_saves_its_body(
    http: httpx.AsyncClient, path: str
) -> None:
    first = await http.get(path, headers={"accept-encoding": "gzip"})
    again = await http.get(path, headers={"if-none-match": first.headers["etag"]})
    other = await http.get(path, headers={"accept-language": "ru"})

    policy = first.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert first.headers["content-encoding"] == "gzip"
    assert "Cookie" in first.headers["vary"]
    assert (again.status_code, again.content) == (304, b"")
    assert 'lang="ru"' in other.text
    assert other.headers["etag"] != first.headers["etag"]


async def test_an_asset_is_kept_for_good_under_the_name_of_its_content(
    http: httpx.AsyncClient,
) -> None:
    for name, asset in assets().items():
        answer = await http.get(asset.path, headers={"accept-encoding": "gzip"})
        again = await http.get(asset.path, headers={"if-none-match": answer.headers["etag"]})

        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == asset.media_type
        assert answer.content == asset.content
        assert again.status_code == 304
        if name != "base.css":  # in which the fonts have got their names
            assert answer.content == (FOLDER / name).read_bytes()
    stale = assets()["page.js"].path.replace(".js", "0.js")
    assert (await http.get(stale)).status_code == 404


def test_the_style_sheet_names_the_fonts_as_they_are_served() -> None:
    style = assets()["base.css"].content.decode()

    assert assets()["golos-latin.woff2"].path.removeprefix("/assets/") in style
    assert "url(golos-latin.woff2)" not in style


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://clinic.test"},
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"origin": "http://clinic.test.evil.test"},
    ],
)
async def test_a_form_of_another_site_is_refused(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await http.post("/language", data={"language": "ru"}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_form")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "same-origin"}, {"origin": "http://clinic.test"}, {}],
)
async def test_a_form_of_our_own_is_taken_and_leads_back(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    form = {"language": "ru", "back": "/visits?note=x"}
    answer = await http.post("/language", data=form, headers=headers)

    assert (answer.status_code, answer.headers["location"]) == (303, "/visits?note=x")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("language=ru;")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


async def test_a_cookie_is_for_tls_only_where_the_browser_came_by_tls(
    http: httpx.AsyncClient,
) -> None:
    came = {"origin": "https://clinic.test"}
    answer = await http.post("/language", data={"language": "ru"}, headers=came)

    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("path", ["//evil.test", "https://evil.test", "/\\evil.test", "evil", ""])
def test_a_form_never_leads_to_another_site(path: str) -> None:
    assert local(path) == "/"


async def test_a_problem_is_a_page_for_a_browser_and_json_for_all_else(
    http: httpx.AsyncClient,
) -> None:
    page = await http.get("/nowhere", headers={**BROWSER, "accept-language": "ru"})
    exchanged = await http.get("/nowhere", headers={"hx-request": "true"})
    for_api = await http.get("/api/v1/nowhere", headers=BROWSER)
    plain = await http.get("/nowhere")

    assert page.status_code == exchanged.status_code == for_api.status_code == 404
    assert "Такой страницы нет" in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert "Page not found" in exchanged.text
    assert for_api.json()["code"] == plain.json()["code"] == "not_found"


async def test_nobody_is_told_that_there_is_no_sign_in_yet(http: httpx.AsyncClient) -> None:
    """A clinic of living patients only: nobody may be anybody."""
    answer = await http.get("/visits", headers=BROWSER)

    assert answer.status_code == 401
    assert "You are not signed in" in answer.text


async def test_a_bug_is_a_page_that_names_the_request_and_nothing_else(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/", headers={**BROWSER, "x-request-id": "r-17"})

    assert answer.status_code == 500
    assert "Sorry, there is a problem with the service" in answer.text
    assert "r-17" in answer.text
    assert "Traceback" not in answer.text


def test_what_is_zipped_is_what_is_not() -> None:
    for asset in assets().values():
        assert asset.zipped is None or gzip.decompress(asset.zipped) == asset.content
