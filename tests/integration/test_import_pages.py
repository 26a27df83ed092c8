"""A manager imports a file by the pages: it is tried, its report is read, then it is taken."""

import re
from datetime import timedelta

import httpx
import pytest

from adapters.messages.visit import Language
from adapters.postgres.imports import forget_unread, stage
from api.page.importing import reason_of
from api.page.rendering import environment
from domain.actors import SYSTEM
from domain.imports import Kind
from stack.home import CHECKOUT
from tests.clinic_rows import Clinic
from tests.integration.import_office import Office, a_row
from tests.integration.manager import Manager

ROWS = re.compile(r'<tr><td class="figures">(\d+)</td><td>(.*?)</td></tr>')


@pytest.fixture
def office(clinic: Clinic) -> Office:
    return Office(clinic)


async def chosen(manager: Manager, clinic: Clinic, file: bytes, **form: str) -> httpx.Response:
    return await manager.http.post(
        f"/manage/clinics/{clinic.id}/import", files={"file": ("visits.csv", file)}, data=form
    )


async def test_a_file_is_tried_read_about_and_then_taken(
    finishing: Manager, office: Office
) -> None:
    clinic, page = office.clinic, f"/manage/clinics/{office.clinic.id}"
    file = office.file(a_row(1), a_row(2, "09:30", "10:00"), a_row(3, "09:15", "09:45"))

    clinics = await finishing.sees(page)
    form = await finishing.sees(f"{page}/import")
    tried = await chosen(finishing, clinic, file)
    trial = await finishing.sees(tried.headers["location"])
    before = await office.visits()
    taken = await chosen(finishing, clinic, file, dryRun="false")
    report = await finishing.sees(taken.headers["location"])

    assert f'href="{page}/import"' in clinics
    assert 'enctype="multipart/form-data"' in form
    assert "Trial of a file" in trial
    assert "Nothing is changed" in trial
    assert 'name="dryRun" value="false"' in trial
    assert before == []
    assert "3 rows read" in report
    assert re.search(r"<dt>New</dt><dd[^>]*>3</dd>", report)
    [third] = [each["id"] for each in await office.visits() if each["overbook"]]
    assert f'Line 4 · <a href="/reception/visits/{third}">' in report
    assert 'name="file"' not in report


async def test_the_ten_mistakes_of_the_example_are_told_in_the_words_of_the_page(
    finishing: Manager, office: Office
) -> None:
    english = {"accept-language": "en"}
    tried = await chosen(finishing, office.clinic, office.example)

    page = await finishing.http.get(tried.headers["location"], headers=english)

    told = [(int(line), re.sub("<[^>]*>", "", said)) for line, said in ROWS.findall(page.text)]
    assert told == [
        (4, "doctor: no doctor of this clinic has this full name"),
        (5, "starts_at: must be a date and a time, such as 2027-03-01T09:00"),
        (6, "ends_at: must be after the beginning, by eight hours at most"),
        (7, "patient_name: is missing"),
        (8, "patient_phone: is not a phone number: leave it blank if there is none"),
        (9, "patient_email: is not an email address: leave it blank if there is none"),
        (10, "status: must be one of: confirmed, cancelled, arrived, completed, no_show"),
        (11, "external_id: is already on line 2"),
        (12, "this line has 5 columns, the first line has 8"),
        (13, "external_id: is missing"),
    ]


REASONS = [
    "must be UTF-8",
    "the first line must name the columns; missing: doctor, ends_at",
    "doctor: several of the clinic have this name; give the id",
    "patient_name: must be 200 printable characters at most",
    "starts_at: must be in the years 2000 to 2099",
    "status: the appointment is cancelled here",
    "the patient has another appointment then",
    "the time is taken; import the file again",
    "is no CSV from here on: a quote is not closed",
    "is no JSON",
    "is not read from here on; import the file again",
    "resourceType: must be Slot or Appointment",
    "participant: must name a Practitioner",
    "is not of the form of a resource",
]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_one_of_the_product_s_and_has_russian_words(reason: str) -> None:
    words = environment(Language.RU).get_template("import_parts.html").module
    source = "".join(
        (CHECKOUT / name).read_text()
        for name in (
            *("domain/imports.py", "domain/fhir.py", "activities/imports.py"),
            *("adapters/postgres/import_rows.py", "adapters/postgres/import_people.py"),
        )
    )
    found = reason_of(reason)

    said = str(words.import_reason(found))  # type: ignore[attr-defined]

    assert found.sentence.partition("#")[0].strip() in source
    assert re.search("[\u0430-\u044f]", said), said


async def test_what_is_no_such_file_is_said_at_the_field(
    finishing: Manager, clinic: Clinic
) -> None:
    empty = await finishing.http.post(f"/manage/clinics/{clinic.id}/import", data={})
    other = await chosen(finishing, clinic, b"a,b\n1,2\n")
    large = await chosen(finishing, clinic, b"x" * (16 * 1024 * 1024))

    assert [each.status_code for each in (empty, other, large)] == [422, 422, 413]
    assert "Choose a file first." in empty.text
    assert "These are missing: external_id, doctor" in other.text


async def test_a_long_report_is_cut_and_leads_on(finishing: Manager, office: Office) -> None:
    on_top = [a_row(n, patient_phone=f"+7 916 000-{n // 100:02}-{n % 100:02}") for n in range(102)]
    wrong = [a_row(1000 + n, doctor="Dr Nobody") for n in range(101)]

    tried = await chosen(finishing, office.clinic, office.file(*on_top, *wrong))
    place = tried.headers["location"]
    first = await finishing.sees(place)
    others = await finishing.sees(f"{place}?refused=100")
    last = await finishing.sees(f"{place}?overlaps=100")

    assert len(ROWS.findall(first)) == 100
    assert f'href="{place}?refused=100#refused"' in first
    assert len(ROWS.findall(others)) == 1
    assert f'href="{place}?overlaps=100#overlaps"' in first
    assert len(re.findall(r"<li>Line \d+", last)) == 1


async def test_a_file_that_was_not_read_to_its_end_does_not_look_as_if_it_was(
    finishing: Manager, office: Office
) -> None:
    """Its run was lost, and nobody reads it any more."""
    whole = await chosen(finishing, office.clinic, office.file(a_row(1)), dryRun="false")
    import_id = await stage(
        office.clinic.database,
        clinic_id=office.clinic.id,
        kind=Kind.CSV,
        dry_run=False,
        content=office.file(a_row(2)),
        actor=SYSTEM,
    )
    await office.clinic.execute(
        "UPDATE imports SET created_at = created_at - interval '31 days' WHERE id = :id",
        id=import_id,
    )
    await forget_unread(office.clinic.database, older_than=timedelta(days=30))

    read = await finishing.sees(whole.headers["location"])
    unread = await finishing.sees(f"/manage/imports/{import_id}")

    assert '<span class="chip good">read to the end</span>' in read
    assert "Import the file again" not in read
    assert '<span class="chip warn">not read to the end</span>' in unread
    assert "Import the file again: the rows that were read are not taken twice." in unread
    assert "the file was not read from here on: import it again" in unread


async def test_a_file_of_fhir_is_known_by_its_first_character(
    finishing: Manager, clinic: Clinic
) -> None:
    tried = await chosen(finishing, clinic, b'\xef\xbb\xbf{"resourceType": "Patient"}\n')

    page = await finishing.sees(tried.headers["location"])

    assert "must be Slot or Appointment" in page
