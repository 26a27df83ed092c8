"""`make messages`: every message as patients get it, written to docs/messages/ to be looked at."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from adapters.messages.rendering import Letter, letter, text_message
from adapters.messages.segments import segments
from adapters.messages.visit import Kind, Language, OfferTerms, Visit
from domain.plan_exceptions import Policy
from domain.visit_links import link_key, link_to, token_of

FOLDER = Path(__file__).parents[1] / "docs" / "messages"
ACCOUNT = "https://priyom.example"
SENDER = "no-reply@priyom.example"

IN_MOSCOW = Visit(
    appointment_id=UUID("1a2b3c4d-0000-4000-8000-000000000001"),
    kind=Kind.CONFIRMED,
    version=2,
    changed_at=datetime(2027, 3, 20, 9, 12, tzinfo=UTC),
    starts_at=datetime(2027, 3, 29, 7, 30, tzinfo=UTC),
    ends_at=datetime(2027, 3, 29, 8, 0, tzinfo=UTC),
    language=Language.RU,
    patient_name="Иванов Пётр Алексеевич",
    email="petr@example.org",
    phone="+70000000001",
    doctor_name="Петрова Анна Сергеевна",
    specialty="cardiology",
    clinic_name="Приём на Чистых прудах",
    clinic_address="Москва, Чистопрудный бульвар, 12",
    clinic_phone="+70000000101",
    time_zone="Europe/Moscow",
)
"""An invented patient at an invented clinic."""

# The day after the clocks have changed: the letter and the calendar both have to know.
IN_LONDON = Visit(
    appointment_id=UUID("2b3c4d5e-0000-4000-8000-000000000002"),
    kind=Kind.CONFIRMED,
    version=2,
    changed_at=datetime(2027, 3, 20, 9, 12, tzinfo=UTC),
    starts_at=datetime(2027, 3, 29, 9, 0, tzinfo=UTC),
    ends_at=datetime(2027, 3, 29, 9, 20, tzinfo=UTC),
    language=Language.EN,
    patient_name="Jane Smith",
    email="jane@example.org",
    phone="+440000000001",
    doctor_name="Anna Petrova",
    specialty="general-practice",
    clinic_name="Priyom Marylebone",
    clinic_address="27 Wimpole Street, London",
    clinic_phone="+440000000101",
    time_zone="Europe/London",
)


def samples() -> dict[str, str]:
    """Content by file name."""
    written: dict[str, str] = {}
    lines = [
        "# What patients get",
        "",
        "Written by `make messages` from the templates in `adapters/messages/`; a test compares.",
        "",
        "| message | e-mail | calendar | SMS | segments |",
        "|---|---|---|---|---|",
    ]
    for visit in _visits():
        name = f"{visit.kind}.{visit.language}"
        mail = letter(visit, account_url=ACCOUNT, sender=SENDER)
        sms = text_message(visit, account_url=ACCOUNT)
        written |= {f"{name}{ending}": text for ending, text in _files(mail).items()}
        lines.append(
            f"| {visit.kind}, {visit.language} | {mail.subject} ([text]({name}.txt), "
            f"[HTML]({name}.html)) | {_calendar(mail, name)} | {sms} "
            f"| {segments(sms)} |"
        )
    return written | {"README.md": "\n".join(lines) + "\n"}


def _calendar(mail: Letter, name: str) -> str:
    return f"[{mail.calendar_method}]({name}.ics)" if mail.calendar else "none"


def _visits() -> Iterator[Visit]:
    for visit in (IN_MOSCOW, IN_LONDON):
        yield _linked(visit)
        yield _linked(replace(visit, kind=Kind.REMINDER))
        moved = replace(
            visit,
            kind=Kind.RESCHEDULED,
            version=visit.version + 1,
            moved_from=visit.starts_at - timedelta(days=3),
        )
        yield _linked(moved)
        yield _linked(
            replace(
                moved,
                kind=Kind.OFFERED,
                version=1,
                offer=OfferTerms(
                    until=visit.changed_at + timedelta(days=2), if_silent=Policy.CALL_LIST
                ),
            )
        )
        changed = {"kind": Kind.CANCELLED, "version": visit.version + 1}
        later = {"changed_at": visit.changed_at + timedelta(days=1)}
        yield Visit(**{**vars(visit), **changed, **later})


def _linked(visit: Visit) -> Visit:
    """With a link as long as those that are sent."""
    link = link_to(visit.appointment_id, visit.version, visit.ends_at)
    return replace(visit, token=token_of(link_key(b"an invented secret"), link))


def _files(mail: Letter) -> Mapping[str, str]:
    return {
        ".txt": f"{mail.subject}\n\n{mail.text}\n",
        ".html": f"{mail.html}\n",
    } | ({".ics": mail.calendar.replace("\r\n", "\n")} if mail.calendar else {})


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, text in samples().items():
        (FOLDER / name).write_text(text)
    sys.stdout.write(f"{FOLDER.name}/: {len(samples())} files\n")


if __name__ == "__main__":
    main()
