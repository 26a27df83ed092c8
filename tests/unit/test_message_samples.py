"""The messages that people looked at are those that patients get; calendars pass a validator."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import vobject

from adapters.messages.rendering import letter
from adapters.messages.visit import Visit
from notifier.samples import ACCOUNT, FOLDER, IN_LONDON, IN_MOSCOW, SENDER, samples

SAMPLES = samples()
CALENDARS = sorted(name for name in SAMPLES if name.endswith(".ics"))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_sample_is_what_a_patient_gets(name: str) -> None:
    assert (FOLDER / name).read_text() == SAMPLES[name], "run `make messages` and look at them"


def test_there_is_no_sample_of_what_nobody_gets() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(SAMPLES)


@pytest.mark.parametrize("name", CALENDARS)
def test_another_library_finds_the_calendar_valid(name: str) -> None:
    calendar = vobject.readOne(SAMPLES[name])

    assert calendar.validate(raiseException=True)
    assert calendar.vevent.validate(raiseException=True)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("confirmed.en.ics", "2027-03-29T09:00:00+00:00"),
        ("confirmed.ru.ics", "2027-03-29T07:30:00+00:00"),
        ("cancelled.en.ics", "2027-03-29T09:00:00+00:00"),
    ],
)
def test_another_library_reads_the_instant(name: str, begins: str) -> None:
    start = vobject.readOne(SAMPLES[name]).vevent.dtstart.value

    assert start.isoformat() == begins
    assert start == datetime.fromisoformat(begins)


@pytest.mark.parametrize("visit", [IN_MOSCOW, IN_LONDON])
def test_a_calendar_is_laid_out_as_the_standard_wants_it(visit: Visit) -> None:
    file = letter(visit, account_url=ACCOUNT, sender=SENDER).calendar
    lines = file.encode().split(b"\r\n")

    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert b"\n" not in file.encode().replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(20, "20 минут"), (21, "21 минута"), (22, "22 минуты"), (45, "45 минут")],
)
def test_minutes_are_counted_as_russian_counts(minutes: int, words: str) -> None:
    visit = replace(IN_MOSCOW, ends_at=IN_MOSCOW.starts_at + timedelta(minutes=minutes))

    assert words in letter(visit, account_url=ACCOUNT, sender=SENDER).text
