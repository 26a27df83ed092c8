"""Visit → e-mail and text message, from the templates beside this file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from adapters.messages.addresses import tel
from adapters.messages.calendar import Entry, calendar_file, method, published, subscribed
from adapters.messages.segments import as_sent, segments
from adapters.messages.specialties import specialty_name
from adapters.messages.visit import Kind, Language, Visit
from adapters.messages.wording import (
    When,
    given_names,
    isolated,
    surname_and_initials,
    when,
    without_title,
)

MOST_SEGMENTS = 2
"""The second is the price of the link (docs/decisions/0027)."""

_templates = Environment(
    loader=PackageLoader("adapters.messages"),
    autoescape=select_autoescape(["html.j2"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_templates.filters["tel"] = tel


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An e-mail before it has an envelope."""

    subject: str
    text: str
    html: str
    calendar: str
    calendar_method: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the templates name. It is asked of Babel once a message, not once a template."""

    visit: Visit
    when: When
    specialty: str
    account_url: str
    visit_url: str
    greeted: str


def letter(visit: Visit, *, account_url: str, sender: str) -> Letter:
    """`account_url`: the personal account, where a visit is cancelled; `sender`: an address."""
    said = _said(visit, account_url)
    entry = calendar_file(
        visit,
        summary=_render("event", said),
        sender=sender,
        about=_about(visit, said.visit_url),
        link=said.visit_url,
    )
    return Letter(
        subject=" ".join(_render("subject", said).split()),
        text=_render("txt", said),
        html=_render("html", said),
        calendar="" if visit.kind is Kind.OFFERED else entry,
        calendar_method=method(visit.kind),
    )


def calendar_entry(visit: Visit) -> str:
    """The calendar file of a confirmed visit, without an invitation."""
    return published(visit, summary=_render("event", _said(visit, "")), about=_about(visit, ""))


NAMES = {Language.RU: "Записи к врачу", Language.EN: "Appointments"}


def calendar_feed(visits: Iterable[Visit], language: Language, *, account_url: str) -> str:
    """All of them in one file, each as in its own."""
    entries = [
        Entry(
            visit=visit,
            summary=_render("event", _said(visit, "")),
            about=_about(visit, visit_url(visit, account_url)),
        )
        for visit in visits
    ]
    return subscribed(entries, name=NAMES[language])


def visit_url(visit: Visit, account_url: str) -> str:
    """The page of this state of the visit, for whoever has the message; else its own page."""
    place = f"v/{visit.token}" if visit.token else f"visits/{visit.appointment_id}"
    return f"{account_url.rstrip('/')}/{place}" if account_url else ""


def _about(visit: Visit, link: str) -> str:
    """What a calendar shows under the appointment."""
    specialty = specialty_name(visit.specialty, visit.language)
    lines = (f"{visit.doctor_name}, {specialty}", visit.code, visit.clinic_phone, link)
    return "\n".join(line for line in lines if line)


def most_segments(kind: Kind) -> int:
    """A reminder has one more, which says what a missed visit takes from others (0065)."""
    return MOST_SEGMENTS + (kind is Kind.REMINDER)


def text_message(visit: Visit, *, account_url: str = "") -> str:
    """At most so many segments: what matters least is shortened first, the code and time never."""
    said = _said(visit, account_url)
    most = most_segments(visit.kind)
    for shorter, link in _shorter_and_shorter(visit, said.visit_url):
        text = as_sent(_line(replace(said, visit=_isolated(shorter), visit_url=link)))
        if segments(text) <= most:
            break
    return text


def _line(said: Said) -> str:
    text = _render("sms", said).replace("….", "…").replace("..", ".")
    return " ".join(text.split())


def _shorter_and_shorter(visit: Visit, link: str) -> Iterator[tuple[Visit, str]]:
    """The address ends early before the doctor's name does; last goes what the letter has too.

    A link by which the message is answered stays: names go before it does.
    """
    yield visit, link
    untitled = without_title(visit.doctor_name)
    if untitled != visit.doctor_name:
        visit = replace(visit, doctor_name=untitled)
        yield visit, link
    brief = replace(visit, doctor_name=surname_and_initials(visit.doctor_name))
    yield replace(brief, clinic_address=_cut(visit.clinic_address, 30)), link
    if visit.token:
        yield from ((shorter, link) for shorter in _bare(brief))
    yield visit, ""
    yield brief, ""
    for length in (60, 45, 30):
        yield replace(brief, clinic_address=_cut(visit.clinic_address, length)), ""
    yield from ((shorter, "") for shorter in _bare(brief))


def _bare(full: Visit) -> Iterator[Visit]:
    """Down to the time and the code.

    Without a name in another alphabet the rest is often short enough as it is: so whole parts go
    before all are cut. Who and where are worth more than what the clinic is called.
    """
    brief = replace(full, clinic_name=_cut(full.clinic_name, 20))
    yield replace(brief, clinic_address=_cut(full.clinic_address, 30))
    brief = replace(brief, clinic_address="")
    yield brief
    brief = replace(brief, clinic_phone="")
    yield brief
    for without in (replace(full, clinic_name=""), replace(full, doctor_name="")):
        yield without
        yield replace(without, clinic_phone="", clinic_address=_cut(full.clinic_address, 30))
    doctor_name = _cut(brief.doctor_name, 16)
    yield replace(brief, clinic_name=_cut(full.clinic_name, 12), doctor_name=doctor_name)
    yield replace(brief, clinic_name="", doctor_name=doctor_name)
    yield replace(brief, clinic_name="", doctor_name="")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip(" ,.") + "…"


def _render(part: str, said: Said) -> str:
    template = _template(f"{said.visit.language}/{said.visit.kind}.{part}.j2")
    return template.render(vars(said)).strip()


def _said(visit: Visit, account_url: str) -> Said:
    return Said(
        visit=_isolated(visit),
        greeted=isolated(given_names(visit.patient_name)),
        when=when(visit),
        specialty=specialty_name(visit.specialty, visit.language),
        account_url=account_url,
        visit_url=visit_url(visit, account_url),
    )


def _isolated(visit: Visit) -> Visit:
    return replace(
        visit,
        patient_name=isolated(visit.patient_name),
        doctor_name=isolated(visit.doctor_name),
        clinic_name=isolated(visit.clinic_name),
        clinic_address=isolated(visit.clinic_address),
    )


@cache
def _template(name: str) -> Template:
    return _templates.get_template(name)
