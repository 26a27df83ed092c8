"""The calendar file of a visit (RFC 5545, RFC 5546): an invitation, or its cancellation.

Instants are in UTC: a local time of an hour that the clocks repeat would name the first one only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta

from icalendar import Alarm, Calendar, Event, vCalAddress, vDuration, vText

from adapters.messages.addresses import mailto
from adapters.messages.visit import Kind, Visit

REMIND_BEFORE = timedelta(hours=2)
REFRESHED_EVERY = timedelta(hours=1)


def method(kind: Kind) -> str:
    return "CANCEL" if kind is Kind.CANCELLED else "REQUEST"


def calendar_file(
    visit: Visit, *, summary: str, sender: str, about: str = "", link: str = ""
) -> str:
    """One UID for the life of the visit; a calendar keeps the highest SEQUENCE it has seen."""
    event = _event(visit, summary, about)
    if link:
        event.add("URL", link)
    event.add("ORGANIZER", _person(sender, visit.clinic_name), encode=False)
    event.add("ATTENDEE", _attendee(visit), encode=False)
    return _written(event, method(visit.kind))


def published(visit: Visit, *, summary: str, about: str = "") -> str:
    """The same event for somebody who opens the file: nobody is invited, so it has no METHOD."""
    return _written(_event(visit, summary, about), None)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One of many events; what it is called, and what stands under it."""

    visit: Visit
    summary: str
    about: str


def subscribed(entries: Iterable[Entry], *, name: str) -> str:
    """All visits of a patient, for a calendar that asks again every hour."""
    calendar = _calendar()
    calendar.add("NAME", name)
    calendar.add("X-WR-CALNAME", name)
    calendar.add("REFRESH-INTERVAL", REFRESHED_EVERY, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", vDuration(REFRESHED_EVERY))
    for entry in entries:
        calendar.add_component(_event(entry.visit, entry.summary, entry.about))
    text: str = calendar.to_ical().decode()
    return text


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("PRODID", "-//Priyom//Appointments//EN")
    calendar.add("VERSION", "2.0")
    return calendar


def _written(event: Event, how: str | None) -> str:
    calendar = _calendar()
    if how is not None:
        calendar.add("METHOD", how)
    calendar.add_component(event)
    text: str = calendar.to_ical().decode()
    return text


def _event(visit: Visit, summary: str, about: str) -> Event:
    event = Event()
    event.add("UID", f"{visit.appointment_id}@priyom")
    event.add("SEQUENCE", visit.version)
    event.add("DTSTAMP", visit.changed_at)
    event.add("DTSTART", visit.starts_at.astimezone(UTC))
    event.add("DTEND", visit.ends_at.astimezone(UTC))
    event.add("SUMMARY", summary)
    if about:
        event.add("DESCRIPTION", about)
    event.add("LOCATION", f"{visit.clinic_name}, {visit.clinic_address}")
    event.add("STATUS", "CANCELLED" if visit.kind is Kind.CANCELLED else "CONFIRMED")
    if visit.kind is not Kind.CANCELLED:
        event.add_component(_alarm(summary))
    return event


def _attendee(visit: Visit) -> vCalAddress:
    """Confirmed in the personal account already: the calendar need not ask again."""
    attendee = _person(visit.email, visit.patient_name)
    attendee.params["PARTSTAT"] = vText("ACCEPTED")
    attendee.params["RSVP"] = vText("FALSE")
    return attendee


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(mailto(address))
    person.params["CN"] = vText(name)
    return person


def _alarm(summary: str) -> Alarm:
    alarm = Alarm()
    alarm.add("ACTION", "DISPLAY")
    alarm.add("DESCRIPTION", summary)
    alarm.add("TRIGGER", -REMIND_BEFORE)
    return alarm
