"""How else a name may have been typed."""

import re

import pytest

from domain.spelling import in_the_other_alphabet, with_one_slip


@pytest.mark.parametrize(
    ("typed", "other"),
    [
        ("Ivanov", "иванов"),
        ("Shcherbakov", "щербаков"),
        ("Dmitry", "дмитри"),
        ("Иванов", "ivanov"),
        ("Жуков", "zhukov"),
        ("李", "李"),
    ],
)
def test_a_name_is_known_in_the_other_alphabet(typed: str, other: str) -> None:
    assert in_the_other_alphabet(typed) == other


@pytest.mark.parametrize("typed", ["ивонов", "ивнов", "ивваанов", "иавнов", "иванов"])
def test_one_letter_may_be_wrong_missing_too_many_or_exchanged(typed: str) -> None:
    found = re.search(with_one_slip(typed), "иванов")

    assert (found is not None) is (typed != "ивваанов")


def test_signs_of_regular_expressions_are_letters_like_others() -> None:
    assert re.search(with_one_slip("a.*)("), "aaaaaaaa") is None


def test_a_short_word_is_taken_as_it_is() -> None:
    found = with_one_slip("Lee")

    assert re.fullmatch(found, "Lee")
    assert re.fullmatch(found, "Lea") is None
