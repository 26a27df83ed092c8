"""Visit → e-mail and text message, from the templates beside this file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from adapters.messages.calendar import calendar_file, method, published
from adapters.messages.segments import segments
from adapters.messages.specialties import specialty_name
from adapters.messages.visit import Visit
from adapters.messages.wording import surname_and_initials, when

MOST_SEGMENTS = 2

_templates = Environment(
    loader=PackageLoader("adapters.messages"),
    autoescape=select_autoescape(["html.j2"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An e-mail before it has an envelope."""

    subject: str
    text: str
    html: str
    calendar: str
    calendar_method: str


def letter(visit: Visit, *, account_url: str, sender: str) -> Letter:
    """`account_url`: the personal account, where a visit is cancelled; `sender`: an address."""
    subject = _render(visit, "subject", account_url)
    return Letter(
        subject=" ".join(subject.split()),
        text=_render(visit, "txt", account_url),
        html=_render(visit, "html", account_url),
        calendar=calendar_file(visit, summary=_render(visit, "event", account_url), sender=sender),
        calendar_method=method(visit.kind),
    )


def calendar_entry(visit: Visit) -> str:
    """The calendar file of a confirmed visit, without an invitation."""
    return published(visit, summary=_render(visit, "event", ""))


def text_message(visit: Visit) -> str:
    """At most two segments: what matters least is shortened first, the code and time never."""
    for shorter in _shorter_and_shorter(visit):
        text = " ".join(_render(shorter, "sms", "").split())
        if segments(text) <= MOST_SEGMENTS:
            break
    return text


def _shorter_and_shorter(visit: Visit) -> Iterator[Visit]:
    yield visit
    visit = replace(visit, doctor_name=surname_and_initials(visit.doctor_name))
    yield visit
    visit = replace(visit, clinic_address=_cut(visit.clinic_address, 30))
    yield visit
    visit = replace(visit, clinic_name=_cut(visit.clinic_name, 20))
    yield visit
    visit = replace(visit, clinic_address="")
    yield visit
    yield replace(
        visit, clinic_name=_cut(visit.clinic_name, 12), doctor_name=_cut(visit.doctor_name, 16)
    )


def _cut(text: str, length: int) -> str:
    """An ellipsis is no GSM-7 letter, so it is a full stop."""
    return text if len(text) <= length else text[: length - 1].rstrip(" ,.") + "."


def _render(visit: Visit, part: str, account_url: str) -> str:
    template = _template(f"{visit.language}/{visit.kind}.{part}.j2")
    return template.render(
        visit=visit,
        when=when(visit),
        specialty=specialty_name(visit.specialty, visit.language),
        account_url=account_url,
    ).strip()


@cache
def _template(name: str) -> Template:
    return _templates.get_template(name)
