"""One word for one thing: what pages, letters and text messages never say, in either language."""

# ruff: noqa: RUF001 - Cyrillic

import re
from collections.abc import Iterator, Sequence

import pytest

from adapters.messages import wording as letters
from api.http.problems import KINDS
from api.page.words import TEMPLATES, russian
from domain.errors import REFUSALS
from notifier.samples import FOLDER

ENGLISH = {
    r"\bvisits?\b": "appointment",
    r"\bwhom\b": "who",
    r"\bto be had\b": "available",
    r"\btelephone\b": "phone",
    r"\bin the coming\b": "in the next",
    r"\bgive (it|one) up\b": "release, or choose not to book",
    r"\bnobody was found\b": "not found",
    r"\bpersonal account\b": "the name of the page",
    r"\bprogram\b": "automated",
    r"\bplease\b": "say what to do",
    r"\bwaiting list\b": "there is none: the clinic offers a time",
}
RUSSIAN = {
    r"\bвизит": "запись, приём",
    r"\bпроцесс": "запись, проверка, сервер",
    r"\bвремён\b": "окон",
    r"свободных времени": "окна",
    r"\bброни": "запись",
    r"личн\w+ кабинет": "название страницы",
    r"\bникого\b(?! не нашли)": "не было записи",
    r"\bклик": "нажатие",
    r"\bрегистратор": "регистратура",
    r"\bприхожан|\bпосещени": "приём",
}
"""What the pages would say instead."""


def english() -> Iterator[str]:
    """Texts of pages, of problems and of refusals, and the letters without their links."""
    for text in russian():
        yield from _each(text.id)
    for kind in KINDS.values():
        yield kind.title
    for refused in REFUSALS.values():
        yield refused.__doc__ or ""
    for file in FOLDER.glob("*.en.txt"):
        yield _without_links(file.read_text())


def in_russian() -> Iterator[str]:
    for text in russian():
        yield from _each(text.string)
    for file in FOLDER.glob("*.ru.txt"):
        yield _without_links(file.read_text())


def _each(said: str | Sequence[str] | None) -> Sequence[str]:
    """One text, or the forms of its plural."""
    return (said,) if isinstance(said, str) else said or ()


def _without_links(text: str) -> str:
    return re.sub(r"https?://\S+", "", text)


@pytest.mark.parametrize("banned", ENGLISH)
def test_english_is_said_as_the_health_service_says_it(banned: str) -> None:
    found = [text for text in english() if re.search(banned, text, re.IGNORECASE)]

    assert found == [], f"better: {ENGLISH[banned]}"


@pytest.mark.parametrize("banned", RUSSIAN)
def test_russian_has_one_word_for_one_thing(banned: str) -> None:
    found = [text for text in in_russian() if re.search(banned, text, re.IGNORECASE)]

    assert found == [], f"лучше: {RUSSIAN[banned]}"


@pytest.mark.parametrize(
    ("full_name", "greeted"),
    [
        ("Иванов Пётр Алексеевич", "Пётр Алексеевич"),
        ("Иванов Фёдор", "Фёдор"),
        ("Мадонна", "Мадонна"),
        ("Jane Smith", "Jane Smith"),
        ("Dr Jane Smith", "Jane Smith"),
    ],
)
def test_a_letter_greets_by_the_given_names(full_name: str, greeted: str) -> None:
    assert letters.given_names(full_name) == greeted


@pytest.mark.parametrize(
    ("template", "heading", "said"),
    [
        ("patient_record.html", "Channel", "Канал"),
        ("desk_visit.html", "What", "Что"),
        ("desk_visit.html", "By", "Кто"),
        ("exception_parts.html", "What", "Что"),
        ("link.html", "Appointment with", "К кому"),
    ],
)
def test_a_heading_is_said_in_russian_by_what_stands_under_it(
    template: str, heading: str, said: str
) -> None:
    """One English word may head two things, which are two words in Russian."""
    words = {str(text.id): text.string for text in russian()}

    assert f'_("{heading}")' in (TEMPLATES / template).read_text()
    assert words[heading] == said
