"""A patient lets others act, sees who may, and withdraws it, by plain forms."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clinic_rows import Clinic, at
from tests.fakes.issuer import FakeIssuer
from tests.integration.browsers import at_a_browser

FOREVER = "2099-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Kin:
    """Two patients, each at a browser: Anna, who has a visit, and Boris."""

    clinic: Clinic
    anna: UUID
    boris: UUID
    visit: UUID
    annas: httpx.AsyncClient
    boriss: httpx.AsyncClient

    async def gives(self, code: object, until: str = "") -> httpx.Response:
        return await self.annas.post("/proxies", data={"code": str(code), "until": until})

    async def boris_sees(self) -> int:
        """Of Anna's visit, as the one whom he books for."""
        chosen = await self.boriss.post("/acting-for", data={"patient": str(self.anna)})
        seen = await self.boriss.get(f"/visits/{self.visit}")
        assert (chosen.status_code, seen.status_code) in {(303, 200), (404, 404)}
        return seen.status_code


async def shown(browser: httpx.AsyncClient, path: str = "/proxies") -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(answer.text).split())


@pytest.fixture
async def kin(signed_in_api: str, clinic: Clinic, cache_url: str) -> AsyncIterator[Kin]:
    anna, boris = await clinic.patient(), await clinic.patient()
    visit = await clinic.book(at("09:00"), patient_id=anna)
    async with AsyncExitStack() as opened:
        annas, boriss = [
            await opened.enter_async_context(
                at_a_browser(signed_in_api, cache_url, f"subject of {each}", patient_id=each)
            )
            for each in (anna, boris)
        ]
        yield Kin(clinic=clinic, anna=anna, boris=boris, visit=visit, annas=annas, boriss=boriss)


async def test_somebody_is_let_in_by_the_code_of_their_page_and_shut_out_again(kin: Kin) -> None:
    alone = await shown(kin.annas)
    [code] = re.findall(r'<code class="address">([^<]+)</code>', await shown(kin.boriss))
    stranger = await kin.boris_sees()

    given = await kin.gives(code)
    listed = await shown(kin.annas)
    let_in = await kin.boris_sees()
    as_anna = await shown(kin.boriss)
    [end] = re.findall(r'action="(/proxies/[0-9a-f-]+/end)"', listed)
    ended = [await kin.annas.post(end) for _ in range(2)]
    after = await shown(kin.annas)

    assert code == str(kin.boris)
    assert "Who may act for you" in alone
    assert "Nobody." in alone
    assert (stranger, let_in) == (404, 200)
    assert given.headers["location"] == "/proxies?note=saved"
    assert f"code {str(kin.boris)[:8].upper()}…" in listed
    assert "until it is withdrawn" in listed
    assert "Who may act for A" in as_anna
    assert "You may act for these people" in as_anna
    assert [each.headers["location"] for each in ended] == ["/proxies?note=ended"] * 2
    assert "Nobody." in after
    assert await kin.boris_sees() == 404


async def test_a_day_ends_the_right_and_behind_it_nothing_is_seen(kin: Kin) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    given = await kin.gives(kin.boris, until=str(tomorrow))
    listed = await shown(kin.annas)
    before = await kin.boris_sees()

    await kin.clinic.execute(
        "UPDATE proxies SET until = clock_timestamp() WHERE patient_id = :anna", anna=kin.anna
    )
    async with asyncio.timeout(20):  # a busy machine hears late; unheard it would be minutes
        while (await kin.boriss.get(f"/visits/{kin.visit}")).status_code != 404:
            pass
    assert await kin.boris_sees() == 404
    pages = [await shown(kin.boriss, path) for path in ("/", "/visits", "/proxies")]

    assert given.status_code == 303
    assert re.search(r"until [^<]+ 00:00 UTC", listed)
    assert before == 200
    for page in pages:
        assert str(kin.anna) not in page
        assert str(kin.visit) not in page
    assert "Nobody." in await shown(kin.annas)


@pytest.mark.parametrize(
    ("code", "until", "says"),
    [
        ("", "", "Enter the code"),
        ("not a code", "", "Enter the code"),
        (str(uuid4()), "", "Enter the code"),
        ("own", "", "It is not your own."),
        ("boris", "2020-01-01", "Choose a day that is not over yet."),
        ("boris", "soon", "Choose a day that is not over yet."),
        ("boris", "9999-12-31", "Choose a day that is not over yet."),
        ("boris", "2199-01-01", "Choose a day that is not over yet."),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_given(
    kin: Kin, code: str, until: str, says: str
) -> None:
    codes = {"own": str(kin.anna), "boris": str(kin.boris)}

    answer = await kin.gives(codes.get(code, code), until)

    page = unescape(answer.text)
    assert answer.status_code == 422
    assert says in page
    assert 'aria-invalid="true"' in page
    assert f'value="{codes.get(code, code)}"' in page
    assert "Nobody." in await shown(kin.annas)


async def test_the_api_refuses_an_end_that_is_past_and_one_beyond_ones_own(
    kin: Kin, signed_in_api: str, issuer: FakeIssuer
) -> None:
    tokens = {
        each: issuer.token("e1", sub=f"subject of {each}", patient_id=str(each))
        for each in (kin.anna, kin.boris)
    }
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    sooner = (datetime.now(UTC) + timedelta(days=2)).isoformat()

    async def allows(by: UUID, until: str | None) -> httpx.Response:
        async with httpx.AsyncClient(base_url=signed_in_api, timeout=20) as http:
            return await http.post(
                f"/patients/{kin.anna}/proxies",
                json={"patientId": str(kin.boris)} | ({"until": until} if until else {}),
                headers={"authorization": f"Bearer {tokens[by]}"},
            )

    past = await allows(kin.anna, "2020-01-01T00:00:00Z")
    given = await allows(kin.anna, soon)
    longer = [await allows(kin.boris, each) for each in (None, FOREVER)]
    shorter = await allows(kin.boris, sooner)
    forever = [await allows(by, None) for by in (kin.anna, kin.boris)]

    assert [each.status_code for each in (past, given, *longer, shorter)] == [
        *(422, 201),
        *(422, 422),
        201,
    ]
    assert past.json()["errors"] == [{"field": "until", "message": "must be in the future"}]
    assert "your own right ends then" in longer[0].json()["errors"][0]["message"]
    assert [each.status_code for each in forever] == [201, 201], "whose right has no end"


async def test_reception_has_no_page_of_its_own_proxies(
    signed_in_api: str, issuer: FakeIssuer
) -> None:
    token = issuer.token("e1", sub=str(uuid4()), roles=["reception"])
    root = signed_in_api.removesuffix("/api/v1")
    headers = {"authorization": f"Bearer {token}", "accept": "text/html"}

    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        answer = await http.get("/proxies")

    assert answer.status_code in {401, 403, 404}
