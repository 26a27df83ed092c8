"""Visits with odd names, in every zone, as other libraries read what is told of them."""

import email
import email.policy
import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, timezone
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from functools import cache
from html.parser import HTMLParser
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.messages.mail import mime
from adapters.messages.rendering import letter, most_segments, text_message
from adapters.messages.segments import segments
from adapters.messages.visit import Kind, Language, Visit
from adapters.messages.wording import given_names
from tests.gsm import BY_CODE, SEPTETS, parts
from tests.messages import a_visit

ACCOUNT, SENDER = "https://priyom.example", "no-reply@priyom.example"

TITLES = ("Dr", "Prof.", "Mrs", "Sir", "Доктор", "Профессор", "")
PEOPLE = (
    "Anne\u2013Marie O\u2019Brien",
    "Maria van der Berg",
    "Nguyễn Thị Minh Khai",
    "Björk Guðmundsdóttir",
    "Петрова Анна Сергеевна",
    "Салтыков-Щедрин Михаил Евграфович",
    "محمد بن عبد الله",
    "משה כהן",
    "李小龍",
    "\N{WOMAN}\u200d\N{STAFF OF AESCULAPIUS}\ufe0f Joy",
    "X Æ A-12 [Musk] {€}",
    "Jose\u0301 \u202eGarc\u00eda",
    "<b>Kim</b> & Co",
    "Bartholomew Featherstonehaugh-Cholmondeley-Majoribanks de la Tour du Pin",
)
PLACES = (
    "St Mary\u2019s \u2013 2nd floor\u2026",
    "Клиника «Здоровье» № 1",
    "מרפאה",
    "عيادة النور",
    "Приём на Чистых прудах, отделение восстановительного лечения",
    "12; High Street, \\London\\",
    "",
)
READ = email.policy.default.clone(header_factory=cache(HeaderRegistry()))
"""Each header is asked for many times, and read as often."""
ZONES = sorted(available_timezones() - {"Factory", "localtime"})

visits = st.builds(
    lambda title, **known: a_visit(
        **known
        | {
            "doctor_name": f"{title} {known['doctor_name']}".strip(),
            "ends_at": known["starts_at"] + timedelta(minutes=known["ends_at"]),
        }
    ),
    title=st.sampled_from(TITLES),
    kind=st.sampled_from(Kind),
    language=st.sampled_from(Language),
    doctor_name=st.sampled_from(PEOPLE),
    patient_name=st.sampled_from(PEOPLE),
    clinic_name=st.sampled_from(PLACES),
    clinic_address=st.sampled_from(PLACES),
    clinic_phone=st.sampled_from(("+7 (495) 123-45-67", "+44 20 7946 0018 ext. 12", "")),
    time_zone=st.sampled_from(ZONES),
    starts_at=st.integers(0, 10 * 365 * 24 * 60).map(
        lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    ),
    ends_at=st.integers(5, 240),
)


@pytest.mark.exhaustive
@given(visit=visits)
@settings(max_examples=100)
def test_text_letter_and_calendar_each_tell_the_instant_and_the_names(visit: Visit) -> None:
    assert_each_tells_of(visit)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", Language)
def test_in_every_zone_text_letter_and_calendar_each_tell_the_instant(language: Language) -> None:
    for zone in ZONES:
        dice = Random(f"{zone} {language}")
        starts_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(5_000_000))
        assert_each_tells_of(
            a_visit(
                kind=dice.choice(list(Kind)),
                language=language,
                doctor_name=f"{dice.choice(TITLES)} {dice.choice(PEOPLE)}".strip(),
                patient_name=dice.choice(PEOPLE),
                clinic_name=dice.choice(PLACES),
                clinic_address=dice.choice(PLACES),
                time_zone=zone,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=dice.randint(5, 240)),
            )
        )
    assert len(ZONES) * len(Language) > 1_000


def assert_each_tells_of(visit: Visit) -> None:
    text = text_message(visit, account_url=ACCOUNT)
    carried = parts_of(sent(visit))
    plain, shown = carried["plain"], Shown(carried["html"])

    assert parts(text) <= most_segments(visit.kind)
    assert visit.code in text
    for told in (text, plain, shown.text):
        assert instants(told, visit) == {visit.starts_at}
    assert entry_of(carried) == expected_entry(visit)
    for name in (
        given_names(visit.patient_name),
        visit.doctor_name,
        visit.clinic_name,
        visit.clinic_address,
    ):
        assert name in plain
        assert name in shown.text
    assert shown.tags <= OF_A_LETTER


def entry_of(carried: Mapping[str, str]) -> tuple[datetime, datetime] | None:
    if "calendar" not in carried:
        return None
    event = vobject.readOne(carried["calendar"]).vevent
    return event.dtstart.value, event.dtend.value


def expected_entry(visit: Visit) -> tuple[datetime, datetime] | None:
    """What is offered stands in nobody's calendar yet."""
    return None if visit.kind is Kind.OFFERED else (visit.starts_at, visit.ends_at)


@given(text=st.text(st.sampled_from([*SEPTETS, "я", "\N{SLIGHTLY SMILING FACE}"]), max_size=400))
def test_the_product_counts_parts_as_the_tables_of_gsm_do(text: str) -> None:
    assert segments(text) == parts(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("[" * 80, 1), ("[" * 81, 2), ("a" * 152 + "[" + "a" * 152, 3), ("я" * 71, 2), ("🙂" * 67, 3)],
)
def test_the_tables_of_gsm_are_read_right(text: str, count: int) -> None:
    assert len(BY_CODE) == 128
    assert parts(text) == count


def sent(visit: Visit) -> EmailMessage:
    written = letter(visit, account_url=ACCOUNT, sender=SENDER)
    content = mime(written, sender=SENDER, to=visit.email, message_id="<1-2@priyom.example>")
    mail = email.message_from_bytes(content, policy=READ)
    assert isinstance(mail, EmailMessage)
    return mail


def parts_of(mail: EmailMessage) -> dict[str, str]:
    """What the mail carries, by subtype; each part is well formed and there once."""
    found = {}
    for part in mail.walk():
        assert isinstance(part, EmailMessage)
        assert not part.defects
        if not part.is_multipart():
            subtype = part.get_content_subtype()
            assert subtype not in found
            found[subtype] = str(part.get_content())
    return found


def instants(text: str, visit: Visit) -> set[datetime]:
    """The first clock time of the text at each of its offsets, on the visit's date there."""
    clock = re.search(r"\b(\d\d):(\d\d)\b", text)
    assert clock is not None
    offsets = {each.groups() for each in re.finditer(r"UTC([+-])(\d+)(?::(\d\d))?", text)}
    day = visit.starts_at.astimezone(ZoneInfo(visit.time_zone)).date()
    at = time.fromisoformat(clock.group())
    found = set()
    for sign, hours, minutes in offsets:
        east = timedelta(hours=int(hours), minutes=int(minutes or 0))
        zone = timezone(-east if sign == "-" else east)
        found.add(datetime.combine(day, at, zone))
    return found


OF_A_LETTER = {
    *("html", "head", "meta", "title", "body", "table", "tr", "td", "th", "p", "h1", "br", "a"),
    *("strong", "s"),
}


class Shown(HTMLParser):
    """What a letter shows, and by which tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data
