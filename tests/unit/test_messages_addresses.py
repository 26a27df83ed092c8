"""Addresses as mail servers and links take them."""

from uuid import UUID

import pytest

from adapters.messages.addresses import BadAddress, mailbox, mailto, tel
from adapters.messages.delivery_errors import RefusedForGood
from adapters.messages.mail import SmtpMail
from adapters.messages.rendering import letter
from adapters.messages.visit import Kind, Language
from tests.messages import a_visit

KEY = UUID("1a2b3c4d-0000-4000-8000-000000000002")


@pytest.mark.parametrize(
    ("written", "asked_for"),
    [
        ("a@example.org", "a@example.org"),
        ("\u00a0a@example.org \t", "a@example.org"),
        ("ivan@почта.example", "ivan@xn--80a1acny.example"),
        ("ivan@bücher.example", "ivan@xn--bcher-kva.example"),
        ("иван@почта.example", "иван@xn--80a1acny.example"),
        ('"john doe"@example.org', '"john doe"@example.org'),
    ],
)
def test_a_domain_is_in_a_labels_and_blanks_are_nothing(written: str, asked_for: str) -> None:
    assert mailbox(written) == asked_for


@pytest.mark.parametrize(
    "written",
    ["", "a", "a@", "@b", "a@b\nBcc: c@d", "a\r\n@b", "a b@c", "a@b, c@d", "a@" + "я" * 90],
)
def test_what_is_no_mailbox_is_refused(written: str) -> None:
    with pytest.raises(BadAddress):
        mailbox(written)


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("a@example.org", "mailto:a@example.org"),
        ("a%20b@example.org", "mailto:a%2520b@example.org"),
        ("what?x@example.org", "mailto:what%3Fx@example.org"),
        ("a@почта.example", "mailto:a@xn--80a1acny.example"),
        ("a\n@b", "mailto:a%0A%40b"),
    ],
)
def test_a_link_to_an_address_is_a_uri(address: str, link: str) -> None:
    assert mailto(address) == link


async def test_a_letter_to_an_address_with_a_line_end_has_failed() -> None:
    mail = SmtpMail("smtp://127.0.0.1:1", sender="no-reply@clinic.example")
    visit = a_visit(email="a@b.c\nBcc: d@e.f")
    written = letter(visit, account_url="http://clinic.example/", sender=mail.sender)

    with pytest.raises(RefusedForGood, match="bad_address"):
        await mail.send(written, to=visit.email, notification_id=KEY)


def test_a_sender_that_no_server_can_be_told_stops_the_start() -> None:
    with pytest.raises(BadAddress):
        SmtpMail("smtp://127.0.0.1:1", sender="no reply@clinic")


def test_a_sender_with_an_international_domain_is_said_in_a_labels() -> None:
    mail = SmtpMail("smtp://127.0.0.1:1", sender="no-reply@почта.example")

    assert mail.sender == "no-reply@xn--80a1acny.example"


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("+7 (495) 123-45-67", "tel:+74951234567"),
        ("+44 20 7946 0018 ext. 12", "tel:+442079460018;ext=12"),
        ("8 800 555 35 35 доб. 7", "tel:88005553535;ext=7"),
        ("+7\u00a0495\u2011123\u201145\u201167", "tel:+74951234567"),
        ("+7 495 123-45-67, +7 495 765-43-21", "tel:+74951234567"),
        ("\u0661\u0662\u0663", "tel:123"),
    ],
)
def test_a_number_is_dialled_as_links_have_it_however_it_was_typed(written: str, link: str) -> None:
    assert tel(written) == link


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("language", Language)
def test_a_letter_dials_the_clinic(kind: Kind, language: Language) -> None:
    visit = a_visit(kind=kind, language=language, clinic_phone="+7 (495) 123-45-67")

    html = letter(visit, account_url="https://x.example", sender="a@x.example").html

    assert 'href="tel:+74951234567"' in html
    assert ">+7 (495) 123-45-67</a>" in html
