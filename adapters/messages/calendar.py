"""The calendar file of a visit (RFC 5545, RFC 5546): an invitation, or its cancellation."""

from datetime import date, timedelta
from functools import lru_cache

from icalendar import Alarm, Calendar, Event, Timezone, vCalAddress, vText

from adapters.messages.visit import Kind, Visit

REMIND_BEFORE = timedelta(hours=2)


def method(kind: Kind) -> str:
    return "CANCEL" if kind is Kind.CANCELLED else "REQUEST"


def calendar_file(visit: Visit, *, summary: str, sender: str) -> str:
    """One UID for the life of the visit; a calendar keeps the highest SEQUENCE it has seen."""
    event = _event(visit, summary)
    event.add("ORGANIZER", _person(sender, visit.clinic_name), encode=False)
    event.add("ATTENDEE", _attendee(visit), encode=False)
    return _written(visit, event, method(visit.kind))


def published(visit: Visit, *, summary: str) -> str:
    """The same event for somebody who opens the file: nobody is invited, and nobody answers."""
    return _written(visit, _event(visit, summary), "PUBLISH")


def _written(visit: Visit, event: Event, how: str) -> str:
    calendar = Calendar()
    calendar.add("PRODID", "-//Priyom//Appointments//EN")
    calendar.add("VERSION", "2.0")
    calendar.add("METHOD", how)
    calendar.add_component(_zone(visit.time_zone, visit.local_start.year))
    calendar.add_component(event)
    text: str = calendar.to_ical().decode()
    return text


def _event(visit: Visit, summary: str) -> Event:
    event = Event()
    event.add("UID", f"{visit.appointment_id}@priyom")
    event.add("SEQUENCE", visit.version)
    event.add("DTSTAMP", visit.changed_at)
    event.add("DTSTART", visit.local_start)
    event.add("DTEND", visit.local_end)
    event.add("SUMMARY", summary)
    event.add("LOCATION", f"{visit.clinic_name}, {visit.clinic_address}")
    event.add("STATUS", "CANCELLED" if visit.kind is Kind.CANCELLED else "CONFIRMED")
    if visit.kind is Kind.CONFIRMED:
        event.add_component(_alarm(summary))
    return event


def _attendee(visit: Visit) -> vCalAddress:
    """Confirmed in the personal account already: the calendar need not ask again."""
    attendee = _person(visit.email, visit.patient_name)
    attendee.params["PARTSTAT"] = vText("ACCEPTED")
    attendee.params["RSVP"] = vText("FALSE")
    return attendee


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    person.params["CN"] = vText(name)
    return person


def _alarm(summary: str) -> Alarm:
    alarm = Alarm()
    alarm.add("ACTION", "DISPLAY")
    alarm.add("DESCRIPTION", summary)
    alarm.add("TRIGGER", -REMIND_BEFORE)
    return alarm


@lru_cache(maxsize=64)
def _zone(name: str, year: int) -> Timezone:
    """The zone's rules around that year; finding them is slow, and clinics have few zones."""
    return Timezone.from_tzid(name, first_date=date(year - 1, 1, 1), last_date=date(year + 2, 1, 1))
