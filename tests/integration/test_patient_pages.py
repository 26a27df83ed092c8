"""Patients' records at the reception, by plain forms: made, changed, merged, erased."""

import re
from collections.abc import AsyncIterator
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clinic_rows import Clinic, at
from tests.fakes.issuer import FakeIssuer

FORM = {"fullName": "", "phone": "+7 916 000-11-22", "email": "", "birthDate": "", "language": "en"}


@pytest.fixture
async def desk(api: str) -> AsyncIterator[httpx.AsyncClient]:
    root = api.removesuffix("/api/v1")
    headers = {"accept": "text/html", "origin": root}
    async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
        yield http


async def sent(desk: httpx.AsyncClient, path: str, **form: object) -> str:
    """Where the form leads."""
    answer = await desk.post(path, data={name: str(each) for name, each in form.items()})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def made(desk: httpx.AsyncClient, name: str = "", **facts: str) -> UUID:
    """A record of somebody new, by the page."""
    form = FORM | {"fullName": name or f"Caller {uuid4()}"} | facts
    return UUID((await sent(desk, "/reception/patients/new", **form)).rpartition("=")[2])


async def shown(desk: httpx.AsyncClient, path: str) -> str:
    answer = await desk.get(path)
    assert answer.status_code == 200, path
    return unescape(answer.text)


async def test_a_caller_without_a_record_is_made_one_on_the_way_to_a_time(
    desk: httpx.AsyncClient,
) -> None:
    name = f"Caller {uuid4().hex}"

    nobody = await shown(desk, f"/reception?q={name}")
    form = await shown(desk, f"/reception/patients/new?name={name}")
    patient = await made(desk, name)
    times = await shown(desk, f"/reception?patient={patient}")

    assert f'href="/reception/patients/new?name={name.replace(" ", "%20")}"' in nobody
    assert f'name="fullName" value="{name}"' in form
    assert f"<strong>{name}</strong>" in times


async def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    desk: httpx.AsyncClient,
) -> None:
    wrong = {"fullName": " ", "email": "nowhere", "birthDate": "2999-01-01", "phone": "one"}
    expected = {
        "fullName": "Enter the name.",
        "email": "Enter one email address.",
        "birthDate": "Enter a date of birth that is not in the future.",
        "phone": "Enter a phone number",
    }

    for field, value in wrong.items():
        form = FORM | {"fullName": "Typed Name"} | {field: value}
        answer = await desk.post("/reception/patients/new", data=form)

        assert answer.status_code == 422
        assert expected[field] in unescape(answer.text)
        assert re.search(rf'name="{field}"[^>]* aria-describedby="{field}-wrong"', answer.text)
        assert 'value="+7 916 000-11-22"' in answer.text or field == "phone"


async def test_a_known_person_is_led_to_the_record_that_there_is(desk: httpx.AsyncClient) -> None:
    name = f"Known {uuid4()}"
    known = await made(desk, name)

    again = await desk.post("/reception/patients/new", data=FORM | {"fullName": name})

    assert again.status_code == 422
    assert f'href="/reception?patient={known}"' in again.text


async def test_a_record_is_changed_as_it_was_shown(desk: httpx.AsyncClient) -> None:
    patient = await made(desk)
    place, form = f"/reception/patients/{patient}", FORM | {"fullName": f"Changed {patient}"}

    saved = await sent(desk, place, **form, version=1)
    stale = await sent(desk, place, **form, version=1)

    assert [each.rpartition("=")[2] for each in (saved, stale)] == ["saved", "changed"]
    assert f"<bdi>Changed {patient}</bdi>" in await shown(desk, saved)
    assert "Somebody else has changed this record." in await shown(desk, stale)


@pytest.mark.parametrize(
    ("typed", "marked"),
    [
        ({"fullName": ""}, {"fullName"}),
        ({"phone": ""}, {"phone"}),
        ({"phone": "one"}, {"phone"}),
        ({"fullName": "", "email": "x@", "birthDate": "2999-01-01"}, None),
    ],
    ids=["nameless", "unreachable", "no phone", "several"],
)
async def test_a_change_that_is_wrong_is_marked_and_what_was_typed_stays(
    typed: dict[str, str], marked: set[str] | None, desk: httpx.AsyncClient
) -> None:
    patient = await made(desk, name := f"Kept {uuid4()}")
    place, form = f"/reception/patients/{patient}", FORM | {"fullName": "Typed Name"} | typed

    answer = await desk.post(place, data=form | {"version": "1"})
    again = await sent(desk, place, **FORM | {"fullName": name}, version=1)

    page = unescape(answer.text)
    wrong = set(re.findall(r'name="(\w+)"[^>]* aria-describedby="\w+-wrong"', page))
    assert (answer.status_code, wrong) == (422, marked or set(typed))
    assert "Nothing was saved. Correct what is marked below." in page
    for each in form.values():
        assert f'value="{each}"' in page
    assert f"<h1><bdi>{name}</bdi></h1>" in page
    assert again.endswith("note=saved")


async def test_a_change_that_is_corrected_does_not_write_over_what_another_did_meanwhile(
    desk: httpx.AsyncClient,
) -> None:
    patient = await made(desk)
    place, form = f"/reception/patients/{patient}", FORM | {"fullName": f"Mine {patient}"}
    await sent(desk, place, **form | {"fullName": f"Theirs {patient}"}, version=1)

    answer = await desk.post(place, data=form | {"phone": "one", "version": "1"})
    [version] = re.findall(r'name="version" value="(\d+)"', answer.text)
    told = await sent(desk, place, **form, version=version)

    assert told.endswith("note=changed")
    assert f"<bdi>Theirs {patient}</bdi>" in await shown(desk, told)


async def test_consents_and_who_may_act_are_changed_on_the_record(desk: httpx.AsyncClient) -> None:
    child, mother = await made(desk), await made(desk, f"Mother {uuid4()}")
    place = f"/reception/patients/{child}"

    await sent(desk, f"{place}/consents", kind="reminder", channel="sms", consent="withdrawn")
    found = await shown(desk, f"{place}?q=mother")
    told = await sent(desk, f"{place}/proxies", other=mother)
    allowed = await shown(desk, told)
    [end] = re.findall(rf'action="({place}/proxies/[0-9a-f-]+/end)"', allowed)
    ended = await shown(desk, await sent(desk, end))

    assert allowed.count('value="given">Send it') == 1
    assert "May act for this patient" in found
    assert "Nobody." not in allowed
    assert "Nobody." in ended


async def test_refusals_to_merge_and_to_erase_are_said_in_words(
    clinic: Clinic, desk: httpx.AsyncClient
) -> None:
    first, second, third = [await made(desk) for _ in range(3)]
    other = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=other)
    await clinic.hold(at("09:00"), patient_id=first)
    await clinic.hold(at("09:00"), patient_id=second, doctor_id=other)
    place = f"/reception/patients/{first}"

    busy = await sent(desk, f"{place}/merge", into=second)
    has_visits = await sent(desk, f"{place}/erase")
    merged = await sent(desk, f"{place}/merge", into=third)
    erased = await sent(desk, f"/reception/patients/{(await made(desk))}/erase")

    assert "Both records have appointments at the same time." in await shown(
        desk, busy.replace(str(first), str(third))
    )
    assert has_visits == f"{place}?note=has_visits"
    assert merged == f"/reception/patients/{third}?note=merged"
    assert "The two records are one now" in await shown(desk, merged)
    assert erased == "/reception?note=erased"
    assert (await desk.get(place)).status_code == 404


async def test_only_a_manager_is_offered_to_merge_and_to_erase(
    signed_in_api: str, issuer: FakeIssuer, clinic: Clinic
) -> None:
    patient, root = await clinic.patient(), signed_in_api.removesuffix("/api/v1")
    pages = {}

    for role in ("reception", "manager", "patient"):
        token = issuer.token(
            "e1", sub=f"{role}-{uuid4()}", roles=[role], clinic_ids=[str(clinic.id)]
        )
        headers = {"authorization": f"Bearer {token}", "accept": "text/html"}
        async with httpx.AsyncClient(base_url=root, headers=headers, timeout=20) as http:
            pages[role] = await http.get(f"/reception/patients/{patient}")

    assert {role: each.status_code for role, each in pages.items()} == {
        "reception": 200,
        "manager": 200,
        "patient": 403,
    }
    assert "Erase this record" in pages["manager"].text
    assert "Erase this record" not in pages["reception"].text
