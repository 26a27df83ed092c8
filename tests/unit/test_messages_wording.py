"""What patients read: in their language, by the clinic's clock, in two segments at most."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from adapters.messages.rendering import calendar_entry, letter, most_segments, text_message
from adapters.messages.segments import as_sent, segments
from adapters.messages.specialties import NAMES
from adapters.messages.visit import Kind, Language, OfferTerms, Visit
from adapters.messages.wording import given_names, surname_and_initials, when
from domain.plan_exceptions import Policy
from stack.seed_data import SPECIALTIES
from tests.messages import a_visit

EVERY_MESSAGE = [(kind, language) for kind in Kind for language in Language]


def a_letter(visit: Visit) -> tuple[str, str, str, str]:
    written = letter(visit, account_url="http://clinic.example/", sender="no-reply@clinic.example")
    return written.subject, written.text, written.html, written.calendar


def test_a_russian_date_is_written_as_people_write_it() -> None:
    written = when(a_visit())

    assert (written.day, written.time) == ("вторник, 24 ноября 2026", "10:30")
    assert (written.zone, written.offset) == ("Москва", "UTC+3")


def test_an_english_date_too() -> None:
    written = when(a_visit(language=Language.EN))

    assert (written.day, written.time) == ("Tuesday, 24 November 2026", "10:30")


@pytest.mark.parametrize(
    ("zone", "starts_at", "clock", "offset"),
    [
        ("Europe/London", datetime(2027, 3, 27, 9, 0, tzinfo=UTC), "09:00", "UTC+0"),
        ("Europe/London", datetime(2027, 3, 29, 9, 0, tzinfo=UTC), "10:00", "UTC+1"),
        ("Asia/Kolkata", datetime(2027, 1, 4, 4, 30, tzinfo=UTC), "10:00", "UTC+5:30"),
        ("America/St_Johns", datetime(2027, 1, 4, 13, 0, tzinfo=UTC), "09:30", "UTC-3:30"),
    ],
)
def test_the_clinics_clock_counts(zone: str, starts_at: datetime, clock: str, offset: str) -> None:
    written = when(
        a_visit(time_zone=zone, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=20))
    )

    assert (written.time, written.offset) == (clock, offset)


@pytest.mark.parametrize(("kind", "language"), EVERY_MESSAGE)
def test_a_letter_says_who_where_when_and_what_to_do(kind: Kind, language: Language) -> None:
    visit = a_visit(kind=kind, language=language)

    subject, text, html, _ = a_letter(visit)

    assert "10:30" in subject
    assert "\n" not in subject
    for body in (text, html):
        for fact in (
            given_names(visit.patient_name),
            visit.doctor_name,
            NAMES["cardiology"][language],
            visit.clinic_address,
            visit.clinic_phone,
            "10:30–11:00",  # noqa: RUF001 - a dash between two times
            "1A2B3C4D",
            "http://clinic.example/",
        ):
            assert fact in body


@pytest.mark.parametrize(
    ("language", "policy", "said"),
    [
        (Language.RU, None, ""),
        (Language.RU, Policy.CALL_LIST, " Если не ответите, клиника вам позвонит."),
        (Language.RU, Policy.MOVE, " Если не ответите, запись перейдёт на предложенное время."),
        (Language.RU, Policy.CANCEL, " Если не ответите, запись будет отменена."),
        (Language.EN, None, ""),
        (Language.EN, Policy.CALL_LIST, " If you do not answer, the clinic calls you."),
        (
            Language.EN,
            Policy.MOVE,
            " If you do not answer, your appointment moves to the offered time.",
        ),
        (Language.EN, Policy.CANCEL, " If you do not answer, your appointment is cancelled."),
    ],
)
def test_an_offer_says_until_when_the_old_appointment_stays_and_what_silence_leads_to(
    language: Language, policy: Policy | None, said: str
) -> None:
    until = {
        Language.RU: "Ответьте до 22 ноября, 18:05: до тех пор прежняя запись остаётся.",
        Language.EN: "Answer by 22 November, 18:05. Until then your old appointment stays.",
    }
    offer = a_visit(
        kind=Kind.OFFERED,
        language=language,
        offer=OfferTerms(until=datetime(2026, 11, 22, 15, 5, tzinfo=UTC), if_silent=policy),
    )

    _, text, html, _ = a_letter(offer)

    assert f"\n{until[language]}{said}\n\n" in text
    assert f">{until[language]}{said}</p>" in html


def test_the_languages_are_not_mixed() -> None:
    _, text, html, _ = a_letter(a_visit(language=Language.EN))

    assert "Здравствуйте" not in text + html
    assert '<html lang="en">' in html


def test_a_name_cannot_bring_markup_into_a_letter() -> None:
    _, _, html, _ = a_letter(a_visit(patient_name="<script>alert(1)</script>"))

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_clinic_without_a_telephone_names_none() -> None:
    _, text, _, _ = a_letter(a_visit(clinic_phone=""))

    assert "позвоните" not in text


def test_every_specialty_of_the_seed_has_a_name() -> None:
    assert set(NAMES) >= set(SPECIALTIES)


@pytest.mark.parametrize(
    ("full_name", "short"),
    [
        ("Петрова Анна Сергеевна", "Петрова А. С."),  # noqa: RUF001 - Cyrillic
        ("Доктор Белов Сергей Петрович", "Белов С. П."),  # noqa: RUF001 - Cyrillic
        ("Dr James Okafor", "J. Okafor"),
        ("Prof. Maria van der Berg", "M. van der Berg"),
        ("Kim", "Kim"),
        ("ד״ר משה כהן", "ד״ר משה כהן"),
        ("Dr", "Dr"),
        ("", ""),
    ],
)
def test_a_surname_is_whole_whatever_stands_before_it(full_name: str, short: str) -> None:
    assert surname_and_initials(full_name) == short


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("St Mary\u2019s \u2013 2nd floor\u2026", "St Mary's - 2nd floor..."),
        ("Jos\u00e9 Garc\u00eda", "Jos\u00e9 Garcia"),
        ("Jose\u0301", "Jos\u00e9"),
        ("Приём\u2026", "Приём\u2026"),
    ],
)
def test_typography_does_not_halve_a_text_message(text: str, sent: str) -> None:
    assert as_sent(text) == sent


def test_a_right_to_left_name_keeps_its_direction_to_itself() -> None:
    visit = a_visit(language=Language.EN, doctor_name="משה כהן", clinic_address="12 High Street")
    isolated_name = "\u2068משה כהן\u2069"

    _, text, html, _ = a_letter(visit)

    assert all(isolated_name in each for each in (text, html, text_message(visit)))


def test_the_hours_of_a_change_of_the_clocks_are_told_apart() -> None:
    london = {"time_zone": "Europe/London", "language": Language.EN}
    first = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)

    told = when(a_visit(starts_at=first, ends_at=first + timedelta(minutes=30), **london))

    assert (told.time, told.offset, told.until) == ("01:30", "UTC+1", "01:00 (UTC+0)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("🙂" * 35, 1),
        ("🙂" * 66, 2),
        ("🙂" * 67, 3),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
    ],
)
def test_segments_are_counted_as_networks_count_them(text: str, expected: int) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize(("kind", "language"), EVERY_MESSAGE)
def test_a_text_message_has_the_time_the_doctor_and_the_code(
    kind: Kind, language: Language
) -> None:
    text = text_message(a_visit(kind=kind, language=language))

    assert "10:30" in text
    assert "Петрова" in text
    assert "1A2B3C4D" in text
    assert segments(text) <= most_segments(kind)


@pytest.mark.parametrize(
    ("language", "why"), [(Language.RU, "нужно другим"), (Language.EN, "someone else needs")]
)
def test_a_reminder_says_what_a_missed_visit_takes_from_others(
    language: Language, why: str
) -> None:
    visit = a_visit(kind=Kind.REMINDER, language=language, token="t" * 40)

    text = text_message(visit, account_url="https://clinic.example")
    _, plain, html, _ = a_letter(visit)

    assert why in text
    assert "https://clinic.example/v/tttt" in text
    another = "другой пациент" if language is Language.RU else "another patient"
    assert another in plain
    assert another in html


def test_an_english_text_message_fits_one_segment() -> None:
    visit = a_visit(
        language=Language.EN,
        doctor_name="Anna Petrova",
        clinic_name="Priyom Marylebone",
        clinic_address="27 Wimpole Street, London",
    )

    assert segments(text_message(visit)) == 1


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)


@given(
    kind=st.sampled_from(Kind),
    language=st.sampled_from(Language),
    doctor_name=st.lists(names, min_size=1, max_size=6).map(" ".join),
    clinic_name=st.lists(names, min_size=1, max_size=6).map(" ".join),
    clinic_address=names,
)
def test_no_name_makes_a_text_message_longer_than_its_kind_may_be(
    kind: Kind, language: Language, doctor_name: str, clinic_name: str, clinic_address: str
) -> None:
    text = text_message(
        a_visit(
            kind=kind,
            language=language,
            doctor_name=doctor_name,
            clinic_name=clinic_name,
            clinic_address=clinic_address,
        )
    )

    assert segments(text) <= most_segments(kind)
    assert "1A2B3C4D" in text
    assert "10:30" in text


def calendar_event(visit: Visit) -> tuple[Any, Any]:
    """Untyped: every property of an event may be of thirty types."""
    *_, file = a_letter(visit)
    calendar = Calendar.from_ical(file)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def test_the_calendar_file_invites() -> None:
    calendar, event = calendar_event(a_visit())

    assert calendar["METHOD"] == "REQUEST"
    assert event["UID"] == "1a2b3c4d-0000-4000-8000-000000000001@priyom"
    assert event["SEQUENCE"] == 2
    assert event["STATUS"] == "CONFIRMED"
    assert event["DTSTART"].dt == TUESDAY_IN_MOSCOW
    assert "TZID" not in event["DTSTART"].params
    assert [alarm["TRIGGER"].dt for alarm in event.walk("VALARM")] == [timedelta(hours=-2)]
    assert event["URL"].endswith("/visits/1a2b3c4d-0000-4000-8000-000000000001")
    assert "+70000000101" in event["DESCRIPTION"]
    assert "Чистопрудный" in event["LOCATION"]
    assert str(event["ORGANIZER"]) == "mailto:no-reply@clinic.example"


def test_a_file_that_is_opened_by_hand_invites_nobody_and_has_no_method() -> None:
    calendar = Calendar.from_ical(calendar_entry(a_visit()))

    event: Any = calendar.walk("VEVENT")[0]
    assert "METHOD" not in calendar
    assert "ATTENDEE" not in event
    assert event["DTSTART"].dt == TUESDAY_IN_MOSCOW


TUESDAY_IN_MOSCOW = datetime.fromisoformat("2026-11-24T10:30+03:00")


def test_a_cancellation_takes_the_same_event_back() -> None:
    calendar, event = calendar_event(a_visit(kind=Kind.CANCELLED, version=3))

    assert calendar["METHOD"] == "CANCEL"
    assert event["UID"] == "1a2b3c4d-0000-4000-8000-000000000001@priyom"
    assert event["SEQUENCE"] == 3
    assert event["STATUS"] == "CANCELLED"
    assert event.walk("VALARM") == []


@pytest.mark.parametrize("day", [27, 29])
def test_the_calendar_file_is_right_on_both_sides_of_a_clock_change(day: int) -> None:
    starts_at = datetime(2027, 3, day, 9, 0, tzinfo=UTC)

    _, event = calendar_event(
        a_visit(
            time_zone="Europe/London",
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=30),
        )
    )

    assert event["DTSTART"].dt == starts_at


def test_a_name_cannot_break_the_calendar_file() -> None:
    calendar, event = calendar_event(
        a_visit(patient_name='Иванов "Пётр"\r\nATTENDEE:x', clinic_name="A;B,C\\D")
    )

    assert len(calendar.walk("VEVENT")) == 1
    assert str(event["ATTENDEE"]) == "mailto:petr@example.org"


def test_a_clinic_with_an_endless_name_is_cut_before_the_time_and_the_code() -> None:
    text = text_message(
        a_visit(
            clinic_name="Областной консультативный центр " * 5,
            clinic_address="Нижний Новгород, проспект Гагарина " * 5,
            doctor_name="Константинопольская-Преображенская " * 20,
        )
    )

    assert segments(text) == 2
    assert "24.11" in text
    assert "10:30" in text
    assert "1A2B3C4D" in text
