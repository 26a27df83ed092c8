"""Records of patients over HTTP: made, found, changed, merged, erased; who acts for whom."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from tests.clinic_rows import Clinic, a_name, at

pytestmark = pytest.mark.unmeasured

NOBODY = uuid4()


@pytest.fixture
async def http(api: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api, timeout=20) as client:
        yield client


def a_phone() -> str:
    return f"+7916{uuid4().int % 10_000_000:07}"


async def made(http: httpx.AsyncClient, **facts: object) -> dict[str, Any]:
    wish = {"fullName": a_name(), "phone": a_phone(), "language": "ru"} | facts
    answer = await http.post("/patients", json=wish)
    assert answer.status_code == 201, answer.text
    patient: dict[str, Any] = answer.json()
    return patient


async def found(http: httpx.AsyncClient, sought: str) -> list[str]:
    answer = await http.get("/patients", params={"q": sought})
    assert answer.status_code == 200, answer.text
    return [each["patientId"] for each in answer.json()["items"]]


async def told_about(clinic: Clinic, visit: UUID) -> list[UUID]:
    """Whom the messages about a visit are for."""
    async with clinic.database.connect() as connection:
        found = await connection.execute(
            text("SELECT patient_id FROM notifications WHERE appointment_id = :id"), {"id": visit}
        )
        return list(found.scalars())


async def lines(http: httpx.AsyncClient, thing: str) -> list[tuple[str, str]]:
    answer = await http.get("/audit", params={"object": thing})
    assert answer.status_code == 200, answer.text
    return [(each["action"], each["role"]) for each in answer.json()["items"]]


async def test_a_patient_is_made_with_the_phone_in_one_spelling(http: httpx.AsyncClient) -> None:
    name, digits = a_name(), f"{uuid4().int % 10_000_000:07}"
    spelled = f"8 (916) {digits[:3]}-{digits[3:5]}-{digits[5:]}"
    wish = {"fullName": f"  {name}  Anna ", "phone": spelled, "language": "en"}

    answer = await http.post("/patients", json=wish | {"birthDate": "1985-03-07"})

    patient = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert patient == {
        "patientId": patient["patientId"],
        "fullName": f"{name} Anna",
        "phone": f"+7916{digits}",
        "email": None,
        "language": "en",
        "birthDate": "1985-03-07",
        "timeZone": None,
        "version": 1,
    }
    assert answer.headers["location"] == f"/api/v1/patients/{patient['patientId']}"
    assert (await http.get(f"/patients/{patient['patientId']}")).json() == patient


async def test_a_known_patient_is_named_and_not_made_again(http: httpx.AsyncClient) -> None:
    one = await made(http, fullName=f"{a_name()} ё", email="a@example.org", birthDate="1985-03-07")
    wish = {key: one[key] for key in ("fullName", "language", "birthDate")}

    by_phone = await http.post("/patients", json=wish | {"phone": one["phone"]})
    by_mail = await http.post("/patients", json=wish | {"email": "A@Example.org"})
    namesake = await http.post("/patients", json=wish | {"phone": a_phone()})
    younger = await http.post(
        "/patients", json=wish | {"phone": one["phone"], "birthDate": "2010-03-07"}
    )

    for refused in (by_phone, by_mail):
        told = refused.json()
        assert (refused.status_code, told["code"]) == (409, "patient_exists")
        assert told["patientId"] == one["patientId"]
    assert (namesake.status_code, younger.status_code) == (201, 201)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fullName": "  "}, "fullName"),
        ({"fullName": None}, "fullName"),
        ({"phone": "call me"}, "phone"),
        ({"phone": "12"}, "phone"),
        ({"phone": None}, "body"),
        ({"email": "no address"}, "email"),
        ({"language": "de"}, "language"),
        ({"birthDate": "1985-3-7"}, "birthDate"),
        ({"birthDate": "2985-03-07"}, "birthDate"),
        ({"birthDate": 5}, "birthDate"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"insurance": "1"}, "insurance"),
    ],
)
async def test_what_is_no_patient_is_malformed(
    http: httpx.AsyncClient, change: dict[str, object], field: str
) -> None:
    wish = {"fullName": a_name(), "phone": a_phone(), "language": "ru"} | change

    answer = await http.post("/patients", json=wish)

    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "malformed"), told
    assert [each["field"] for each in told["errors"]] == [field]


async def test_a_patient_is_found_by_each_thing_that_is_known(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    name = a_name()
    patient = await made(http, fullName=f"{name} Фёдорова", birthDate="1951-11-30")
    visit = await clinic.hold(at("09:00"), patient_id=UUID(patient["patientId"]))
    here = [patient["patientId"]]

    assert await found(http, name) == here
    assert await found(http, f"{name.upper()} федорова") == here
    assert await found(http, f"{name} fedorova") == here
    assert await found(http, name[:5] + "z" + name[6:]) == here
    assert await found(http, f"{name} {patient['phone'][-4:]}") == here
    assert await found(http, f"{name} 1951-11-30") == here
    assert await found(http, f"30.11.1951 {name}") == here
    assert await found(http, str(visit)[:8].upper()) == here
    assert await found(http, f"{name} 1951-11-29") == []
    assert await found(http, " ") == []


async def test_pages_of_patients_follow_each_other_without_a_name_in_the_cursor(
    http: httpx.AsyncClient,
) -> None:
    name = a_name()
    everybody = [(await made(http, fullName=f"{name} {nth}"))["patientId"] for nth in "abc"]

    first = (await http.get("/patients", params={"q": name, "limit": 2})).json()
    rest = {"q": name, "limit": 2, "cursor": first["next"]}
    second = (await http.get("/patients", params=rest)).json()

    assert [each["patientId"] for each in first["items"] + second["items"]] == everybody
    assert second["next"] is None
    bad = await http.get("/patients", params={"q": name, "cursor": "x"})
    assert bad.json()["code"] == "malformed"


async def test_a_record_changes_where_it_is_as_it_was_seen(http: httpx.AsyncClient) -> None:
    patient = await made(http, birthDate="1985-03-07")
    path = f"/patients/{patient['patientId']}"
    change = {"phone": "8 916 000-00-01", "email": "new@example.org", "version": 1}

    changed = (await http.patch(path, json=change)).json()
    stale = await http.patch(path, json=change)
    gone = await http.patch(path, json={"birthDate": None, "phone": None, "version": 2})
    unreachable = await http.patch(path, json={"email": None, "version": 3})
    nameless = await http.patch(path, json={"fullName": None, "version": 3})

    assert changed == patient | {
        "phone": "+79160000001",
        "email": "new@example.org",
        "version": 2,
    }
    assert (stale.status_code, stale.json()["code"]) == (409, "changed")
    assert (gone.json()["birthDate"], gone.json()["phone"]) == (None, None)
    assert unreachable.json()["errors"][0]["field"] == "phone"
    assert nameless.json()["code"] == "malformed"
    missing = await http.patch(f"/patients/{NOBODY}", json=change)
    assert missing.json()["code"] == "patient_not_found"


async def test_looks_and_changes_are_in_the_trail(http: httpx.AsyncClient) -> None:
    patient = await made(http)
    path = f"/patients/{patient['patientId']}"
    await http.get(path)
    await http.get("/patients", params={"q": patient["fullName"]})
    await http.patch(path, json={"email": "new@example.org", "version": 1})

    assert await lines(http, patient["patientId"]) == [
        ("change", "operator"),
        ("find", "operator"),
        ("read", "operator"),
        ("create", "operator"),
    ]


async def test_what_belongs_to_a_merged_record_goes_over(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    double = await made(http, email="double@example.org", birthDate="1985-03-07")
    kept = await made(http)
    visit = await clinic.hold(at("09:00"), patient_id=UUID(double["patientId"]))
    await clinic.hold(at("09:30"), patient_id=UUID(kept["patientId"]))
    path, into = f"/patients/{double['patientId']}", f"/patients/{kept['patientId']}"
    said = {"kind": "confirmed", "channel": "sms", "consent": "withdrawn"}
    await http.post(f"{path}/consents", json=said)
    await http.post(f"{path}/proxies", json={"subject": "a-son"})
    await clinic.execute(
        "INSERT INTO notifications (id, event_id, audience, channel, kind, status, appointment_id,"
        " patient_id, doctor_id, starts_at, sequence) SELECT gen_random_uuid(), gen_random_uuid(),"
        " 'patient', 'sms', 'confirmed', 'sent', id, patient_id, doctor_id, starts_at, 2"
        " FROM schedules WHERE id = :visit",
        visit=visit,
    )

    answer = await http.post(f"{path}/merge", json={"into": kept["patientId"]})

    assert answer.status_code == 200, answer.text
    assert answer.json()["email"] == "double@example.org"
    assert answer.json()["phone"] == kept["phone"]
    visits = (await http.get(f"{into}/appointments")).json()["items"]
    assert str(visit) in [each["appointmentId"] for each in visits]
    assert said in (await http.get(f"{into}/consents")).json()["items"]
    proxies = (await http.get(f"{into}/proxies")).json()["items"]
    assert [each["subject"] for each in proxies] == ["a-son"]
    assert await told_about(clinic, visit) == [UUID(kept["patientId"])]
    history = (await http.get(f"/appointments/{visit}/history")).json()["items"]
    assert [(each["action"], each["actor"]["role"]) for each in history] == [
        ("hold", "sql"),
        ("merge", "operator"),
    ]
    for nobody in (path, f"{path}/appointments", f"{path}/consents", f"{path}/proxies"):
        assert (await http.get(nobody)).json()["code"] == "patient_not_found"
    assert await found(http, double["fullName"]) == []


async def test_records_with_visits_at_one_time_are_not_merged(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    one, other = await made(http), await made(http)
    elsewhere = await clinic.hire()
    await clinic.on_duty(at("09:00"), at("11:00"), doctor_id=elsewhere)
    visit = await clinic.hold(at("09:00"), patient_id=UUID(one["patientId"]))
    await clinic.hold(at("09:00"), patient_id=UUID(other["patientId"]), doctor_id=elsewhere)
    path = f"/patients/{one['patientId']}"

    refused = await http.post(f"{path}/merge", json={"into": other["patientId"]})
    itself = await http.post(f"{path}/merge", json={"into": one["patientId"]})
    nobody = await http.post(f"{path}/merge", json={"into": str(NOBODY)})

    told = refused.json()
    assert (refused.status_code, told["code"]) == (409, "patient_busy")
    assert told["appointmentId"] == str(visit)
    assert itself.json()["code"] == "malformed"
    assert nobody.json()["code"] == "patient_not_found"
    assert (await http.get(path)).json() == one


async def test_who_is_erased_is_in_no_table(http: httpx.AsyncClient, clinic: Clinic) -> None:
    patient = await made(http, email=f"{a_name()}@example.org", birthDate="1903-05-06")
    patient_id = UUID(patient["patientId"])
    visit = await clinic.hold(at("09:00"), patient_id=patient_id)
    path = f"/patients/{patient_id}"
    await http.post(f"{path}/proxies", json={"subject": "a-daughter"})
    needles = [patient[key] for key in ("fullName", "phone", "email", "birthDate")]
    await clinic.execute("ANALYZE patients")

    ahead = await http.post(f"{path}/erase")
    await clinic.becomes(visit, "cancelled")
    erased = await http.post(f"{path}/erase")
    again = await http.post(f"{path}/erase")

    assert (ahead.status_code, ahead.json()["code"]) == (409, "has_visits")
    assert ahead.json()["appointmentId"] == str(visit)
    assert (erased.status_code, again.json()["code"]) == (200, "patient_not_found")
    assert await tables_with(clinic, needles) == []
    assert (await http.get(f"/appointments/{visit}")).json()["patientId"] == str(patient_id)
    assert (await http.get(path)).json()["code"] == "patient_not_found"
    assert await found(http, patient["fullName"]) == []
    assert next(action for action, _ in await lines(http, str(patient_id))) == "erase"


async def tables_with(clinic: Clinic, needles: list[str]) -> list[str]:
    """Every table, and what the planner keeps of their columns, with one of these texts in it."""
    async with clinic.database.connect() as connection:
        names = (
            await connection.execute(
                text("SELECT table_name FROM information_schema.tables WHERE table_schema='public'")
            )
        ).scalars()
        found = []
        for name in (*names, "pg_stats"):
            query = f"SELECT count(*) FROM {name} t WHERE t::text LIKE ANY(:needles)"  # noqa: S608
            wanted = {"needles": [f"%{needle}%" for needle in needles]}
            if (await connection.execute(text(query), wanted)).scalar_one():
                found.append(name)
        return found


async def test_a_proxy_is_one_line_until_it_ends(http: httpx.AsyncClient) -> None:
    child, mother = await made(http), await made(http)
    path = f"/patients/{child['patientId']}/proxies"
    wish = {"patientId": mother["patientId"]}

    first = await http.post(path, json=wish)
    again = (await http.post(path, json=wish | {"until": "2099-01-01T00:00:00+03:00"})).json()
    over = await http.post(path, json={"subject": "uncle", "until": "2001-01-01T00:00:00Z"})

    assert first.status_code == 201
    assert again == first.json() | {"until": "2098-12-31T21:00:00Z"}
    assert (await http.get(path)).json()["items"] == [again]
    ended = await http.delete(f"{path}/{again['proxyId']}")
    twice = await http.delete(f"{path}/{again['proxyId']}")
    assert (ended.json()["items"], twice.json()["code"]) == ([], "proxy_not_found")
    assert over.status_code == 422
    done = [action for action, _ in await lines(http, child["patientId"]) if action != "read"]
    assert done[:2] == ["end-proxy", "allow-proxy"]


@pytest.mark.parametrize("wish", [{}, {"subject": "a", "patientId": str(NOBODY)}])
async def test_a_proxy_is_one_person(http: httpx.AsyncClient, wish: dict[str, str]) -> None:
    child = await made(http)
    path = f"/patients/{child['patientId']}/proxies"

    answer = await http.post(path, json=wish)
    itself = await http.post(path, json={"patientId": child["patientId"]})
    nobody = await http.post(path, json={"patientId": str(NOBODY)})

    assert answer.json()["code"] == itself.json()["code"] == "malformed"
    assert nobody.json()["code"] == "patient_not_found"


async def test_the_trail_is_read_in_pages_and_by_time(
    http: httpx.AsyncClient, clinic: Clinic
) -> None:
    visit = await clinic.book(at("09:00"))
    thing = {"object": str(visit)}

    both = (await http.get("/audit", params=thing)).json()["items"]
    first = (await http.get("/audit", params=thing | {"limit": 1})).json()
    then = {"limit": 1, "cursor": first["next"]}
    second = (await http.get("/audit", params=thing | then)).json()
    before = (await http.get("/audit", params=thing | {"until": both[1]["at"]})).json()["items"]
    since = (await http.get("/audit", params=thing | {"from": both[0]["at"]})).json()["items"]

    assert [each["action"] for each in both] == ["confirm", "hold"]
    assert first["items"] + second["items"] == both
    assert second["next"] is None
    assert (before, since) == ([], [both[0]])
    assert both[0]["role"] == "sql"
    assert both[0]["patientId"] is not None
    bad = await http.get("/audit", params={"cursor": "x"})
    assert bad.json()["code"] == "malformed"
    assert (await http.get("/audit", params={"begin": "x"})).json()["code"] == "malformed"


async def test_a_visit_of_nobody_has_no_history(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/appointments/{NOBODY}/history")

    assert answer.json()["code"] in {"appointment_not_found", "unavailable"}


async def test_a_hold_for_who_is_gone_is_refused(http: httpx.AsyncClient, clinic: Clinic) -> None:
    patient = await made(http)
    await http.post(f"/patients/{patient['patientId']}/erase")
    wish = {
        "patientId": patient["patientId"],
        "doctorId": str(clinic.doctor_id),
        "dateTime": (at("09:00") + timedelta()).isoformat(),
    }

    answer = await http.post("/appointments", json=wish)

    assert answer.json()["code"] == "patient_not_found"
