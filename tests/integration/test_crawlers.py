"""A crawler opens every link of every message twice; forms of no page, or of an old state, post."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from html import unescape
from typing import Any
from uuid import UUID

import httpx
import pytest

from adapters.messages.rendering import letter, text_message
from adapters.messages.visit import Kind, Language
from adapters.postgres.calendar_feeds import make_feed
from adapters.postgres.reads import read
from domain.visit_links import VisitLink, link_key, token_of
from tests.clinic_rows import Clinic, at
from tests.messages import a_visit

pytestmark = pytest.mark.unmeasured

KEY = link_key(b"x" * 32)
UNTIL = date(2030, 1, 15)
URL = re.compile(r"https?://[^\s\"'<>\\]+")
FOLDED = re.compile(r"\r?\n[ \t]")
IN_A_PAGE = re.compile(r'(?:href|action|formaction)="(/[^"#]*)"')
ACTIONS = ("promise", "cancel", "move", "accept")

EVERYTHING = """
SELECT (SELECT json_agg(s ORDER BY s.id) FROM schedules s WHERE s.clinic_id = :clinic)::text,
    (SELECT json_agg(a ORDER BY a.id) FROM audit a WHERE a.object = ANY(
        SELECT id::text FROM schedules WHERE clinic_id = :clinic))::text,
    (SELECT json_agg(f) FROM calendar_feeds f WHERE f.patient_id = :patient)::text,
    (SELECT json_agg(c ORDER BY c.kind) FROM consents c WHERE c.patient_id = :patient)::text,
    (SELECT json_agg(p ORDER BY p.id) FROM proxies p WHERE p.patient_id = :patient)::text,
    (SELECT json_agg(p) FROM appeals p WHERE p.clinic_id = :clinic)::text
"""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A patient's visits, one for each kind of message, and the API that their links lead to."""

    http: httpx.AsyncClient
    clinic: Clinic
    patient: UUID
    visits: dict[Kind, UUID]

    @property
    def root(self) -> str:
        return str(self.http.base_url).rstrip("/")

    def token(self, kind: Kind) -> str:
        return token_of(KEY, VisitLink(appointment_id=self.visits[kind], version=2, until=UNTIL))

    def texts(self) -> Iterator[str]:
        """All that is sent: letters as text and as HTML, their calendar files, text messages."""
        for kind, visit in self.visits.items():
            for language in Language:
                said = a_visit(
                    appointment_id=visit,
                    kind=kind,
                    language=language,
                    can_reply=kind is Kind.REMINDER,
                    token="" if kind is Kind.CANCELLED else self.token(kind),
                )
                written = letter(said, account_url=self.root, sender="clinic@example.org")
                yield from (written.text, unescape(written.html))
                yield FOLDED.sub("", written.calendar).replace("\\n", "\n")
                yield text_message(said, account_url=self.root)

    async def links(self) -> set[str]:
        found = {each.rstrip(".,)") for text in self.texts() for each in URL.findall(text)}
        feed = await read(
            self.clinic.database,
            lambda connection: make_feed(connection, self.patient, Language.EN),
        )
        return {each for each in found if each.startswith(self.root)} | {
            f"{self.root}/calendar/{feed}.ics"
        }

    async def state(self) -> list[Any]:
        async with self.clinic.database.connect() as connection:
            statement = EVERYTHING.replace(":clinic", "%(clinic)s").replace(
                ":patient", "%(patient)s"
            )
            asked = {"clinic": self.clinic.id, "patient": self.patient}
            return list((await connection.exec_driver_sql(statement, asked)).one())

    async def form(self, kind: Kind) -> dict[str, str]:
        page = (await self.http.get(f"/v/{self.token(kind)}")).text
        return {"form": re.findall(r'name="form" value="([^"]+)"', page)[0]}


@pytest.fixture
async def mail(api: str, clinic: Clinic) -> AsyncIterator[Mail]:
    patient = await clinic.patient()
    await clinic.on_duty(at("12:00"), at("16:00"))
    hours = iter(("09:00", "10:00", "12:00", "13:00"))
    visits: dict[Kind, UUID] = {
        kind: await clinic.book(at(next(hours)), patient_id=patient)
        for kind in Kind
        if kind is not Kind.OFFERED
    }
    await clinic.becomes(visits[Kind.CANCELLED], "cancelled")
    visits[Kind.OFFERED] = await clinic.hold(at("14:00"), patient_id=patient)
    offered = "UPDATE schedules SET origin = 'offer' WHERE id = :id"
    await clinic.execute(offered, id=visits[Kind.OFFERED])
    html = {"accept": "text/html", "accept-language": "en"}
    root = api.removesuffix("/api/v1")
    async with httpx.AsyncClient(base_url=root, timeout=20, headers=html) as http:
        yield Mail(http=http, clinic=clinic, patient=patient, visits=visits)


async def test_a_crawler_that_gets_every_link_of_every_message_twice_changes_nothing(
    mail: Mail,
) -> None:
    """And every link and form of the pages that these lead to."""
    links = await mail.links()
    before = await mail.state()
    pages = set[str]()

    for link in sorted(links) * 2:
        answer = await mail.http.get(link, follow_redirects=True)
        is_patients_own = link.startswith(f"{mail.root}/visits/")
        assert answer.status_code in ({401, 404} if is_patients_own else {200}), link
        found = map(unescape, IN_A_PAGE.findall(answer.text))
        pages |= {each for each in found if not each.startswith(("/assets/", "/sign-"))}
    for path in sorted(pages) * 2:
        assert (await mail.http.get(path)).status_code < 500, path

    kinds = [kind for kind in Kind if kind is not Kind.CANCELLED]
    assert {f"{mail.root}/v/{mail.token(kind)}" for kind in kinds} <= links
    assert await mail.state() == before


async def test_a_form_without_the_tokens_of_its_page_is_refused_at_every_link(mail: Mail) -> None:
    before = await mail.state()

    codes = {
        (await mail.http.post(f"/v/{mail.token(kind)}", data={"action": action} | form)).status_code
        for kind in (Kind.CONFIRMED, Kind.RESCHEDULED, Kind.REMINDER, Kind.OFFERED)
        for action in ACTIONS
        for form in ({}, {"form": ""}, {"form": "1.ab"}, await mail.form(other_than(kind)))
    }

    assert codes == {403}
    assert await mail.state() == before


async def test_the_token_of_an_old_version_can_do_nothing_at_any_link(mail: Mail) -> None:
    kinds = (Kind.CONFIRMED, Kind.RESCHEDULED, Kind.REMINDER, Kind.OFFERED)
    forms = {kind: await mail.form(kind) for kind in kinds}
    for kind in kinds:
        await mail.clinic.execute(
            "UPDATE schedules SET reason = 'other' WHERE id = :id", id=mail.visits[kind]
        )
    before = await mail.state()

    told = {}
    for kind, form in forms.items():
        for action in ACTIONS:
            link = f"/v/{mail.token(kind)}"
            sent = {"action": action, "at": at("15:00").isoformat()} | form
            told[kind, action] = (await mail.http.post(link, data=sent)).status_code
        shown = (await mail.http.get(f"/v/{mail.token(kind)}")).text
        assert "<form" not in shown.partition("<main")[2].partition("</main>")[0]

    assert set(told.values()) == {409}
    assert await mail.state() == before


def other_than(kind: Kind) -> Kind:
    return Kind.REMINDER if kind is Kind.CONFIRMED else Kind.CONFIRMED
