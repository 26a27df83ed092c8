"""What a patient's text message says, and what is said in return."""

# ruff: noqa: RUF001 - Cyrillic

from dataclasses import replace

import pytest

from adapters.messages.answers import answer, answer_without_visit
from adapters.messages.rendering import MOST_SEGMENTS, most_segments, text_message
from adapters.messages.segments import segments
from adapters.messages.visit import Kind, Language
from domain.replies import Reply, Word, word_of
from tests.messages import TUESDAY, a_visit

OF_NO_VISIT = {Reply.STOPPED, Reply.NOTHING}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1", Word.COMING),
        (" Да! ", Word.COMING),
        ("YES", Word.COMING),
        ("0", Word.CANCEL),
        ("о", Word.CANCEL),
        ("O.", Word.CANCEL),
        ("Stop", Word.STOP),
        ("«СТОП»", Word.STOP),
        ("10", Word.OTHER),
        ("1 или 0?", Word.OTHER),
        ("", Word.OTHER),
    ],
)
def test_the_whole_message_is_one_word(text: str, word: Word) -> None:
    assert word_of(text) is word


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("reply", [each for each in Reply if each not in OF_NO_VISIT])
def test_an_answer_names_the_appointment_that_was_meant_in_two_segments(
    reply: Reply, language: Language
) -> None:
    text = answer(reply, a_visit(language=language), until=TUESDAY)

    assert "1A2B3C4D" in text
    assert segments(text) <= MOST_SEGMENTS
    if reply is Reply.RULE:
        assert "24.11 10:30" in text
        assert "+70000000101" in text
    assert ": ." not in answer(reply, replace(a_visit(language=language), clinic_phone=""))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("reply", sorted(OF_NO_VISIT))
def test_an_answer_about_no_appointment_names_none(reply: Reply, language: Language) -> None:
    assert segments(answer_without_visit(reply, language)) <= MOST_SEGMENTS


@pytest.mark.parametrize(
    ("language", "how", "why"),
    [
        (Language.RU, ("ответьте 1", "нет - 0", "СТОП"), "нужно другим"),
        (Language.EN, ("reply 1", "reply 0", "STOP"), "someone else needs"),
    ],
)
def test_a_reminder_says_how_it_is_answered_where_answers_are_taken(
    language: Language, how: tuple[str, ...], why: str
) -> None:
    visit = a_visit(kind=Kind.REMINDER, language=language, token="t" * 40)

    asked = text_message(replace(visit, can_reply=True), account_url="https://clinic.example")
    told = text_message(visit, account_url="https://clinic.example")

    assert all(each in asked for each in (*how, why, "/v/tttt", "1A2B3C4D"))
    assert segments(asked) <= most_segments(Kind.REMINDER)
    assert how[0] not in told
