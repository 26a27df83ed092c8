"""What a text message keeps where not all of it fits beside its link."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.messages.rendering import MOST_SEGMENTS, text_message
from adapters.messages.segments import segments
from adapters.messages.visit import Language
from tests.messages import a_visit

ACCOUNT = "http://127.0.0.1:8000"
LINKED = "eTSCQF7TS3iy-oODN4g3JwAAAgniYKy-IA6kC3r9"
ENGLISH = a_visit(
    language=Language.EN,
    token=LINKED,
    clinic_name="Clinic",
    clinic_address="12 High Street",
    doctor_name="Dr James Okafor",
)


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ({"clinic_name": "Кардиологический центр"}, ("Okafor", "12 High Street")),
        ({"doctor_name": "ד״ר משה כהן"}, ("Clinic", "12 High Street")),
        ({"language": Language.RU, "doctor_name": "Петрова Анна Сергеевна"}, ("Петрова",)),
    ],
)
def test_a_name_in_another_alphabet_goes_before_all_else_is_cut(
    named: dict[str, Any], kept: tuple[str, ...]
) -> None:
    text = text_message(replace(ENGLISH, **named), account_url=ACCOUNT)

    assert segments(text) <= MOST_SEGMENTS
    for part in (*kept, ENGLISH.code, f"{ACCOUNT}/v/{LINKED}"):
        assert part in text
