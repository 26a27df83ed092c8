# ruff: noqa: RUF001 - two alphabets
"""How else a word may have been written: in the other alphabet, or with one letter wrong."""

import re
from collections.abc import Iterator

CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
LATIN = "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya"
LATIN_OF = dict(zip(CYRILLIC, (each.strip("-") for each in LATIN.split()), strict=True))
PAIRS = (
    "shch:щ sch:щ zh:ж kh:х ts:ц ch:ч sh:ш yu:ю ju:ю ya:я ja:я yo:е jo:е ye:е ph:ф iy:и yy:и ij:и "
    "ay:ай ey:ей oy:ой uy:уй a:а b:б v:в g:г d:д e:е z:з i:и j:й k:к l:л m:м n:н o:о p:п r:р s:с "
    "t:т u:у f:ф h:х c:ц y:ы x:х w:в q:к"
)
CYRILLIC_OF = dict(pair.split(":") for pair in PAIRS.split())
LONGEST_OF_LATIN = 4
SHORTEST_WITH_A_SLIP = 4
"""Letters: of a shorter word nearly every other is one letter away."""


def in_the_other_alphabet(word: str) -> str:
    """Иванов of Ivanov and the reverse, as passports write them; another alphabet stays."""
    if re.search("[а-яё]", word.lower()):
        return "".join(LATIN_OF.get(letter, letter) for letter in word.lower())
    return "".join(_cyrillic(word.lower()))


def _cyrillic(word: str) -> Iterator[str]:
    at = 0
    while at < len(word):
        for length in range(min(LONGEST_OF_LATIN, len(word) - at), 0, -1):
            part = word[at : at + length]
            if at + length == len(word) and part == "y":
                yield "и"  # Dmitry, Vasily
                return
            if part in CYRILLIC_OF:
                yield CYRILLIC_OF[part]
                at += len(part)
                break
        else:
            yield word[at]
            at += 1


def with_one_slip(word: str) -> str:
    """A regular expression for the word with one letter wrong, missing, too many or exchanged."""
    letters = [re.escape(letter) for letter in word]
    if len(letters) < SHORTEST_WITH_A_SLIP:
        return "".join(letters)
    slips = {"".join(letters)}
    for nth in range(len(letters)):
        before, after = letters[:nth], letters[nth + 1 :]
        slips.add("".join([*before, ".", *after]))
        slips.add("".join([*before, *after]))
        slips.add("".join([*before, ".", letters[nth], *after]))
        if after:
            slips.add("".join([*before, after[0], letters[nth], *after[1:]]))
    return "|".join(sorted(slips))
