"""How many parts a text message is sent and paid in (3GPP TS 23.038, GSM-7 and UCS-2)."""

import unicodedata
from functools import lru_cache

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("^{}\\[~]|€\f")
GSM = GSM_BASIC | GSM_EXTENDED

LIKENESS = {
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u00b4\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u00a0\u2009\u202f\t", " "),
    "\u2026": "...",
    "\u2116": "No",
}
"""Typography that GSM-7 has no letter for, and what is read as the same."""

GSM_ALONE, GSM_JOINED = 160, 153
UCS2_ALONE, UCS2_JOINED = 70, 67


def as_sent(text: str) -> str:
    """Composed; where its GSM-7 likeness is all GSM-7, that, since it is half as long."""
    composed = unicodedata.normalize("NFC", text)
    alike = {ord(letter): _alike(letter) for letter in set(composed) - GSM}
    if not GSM.issuperset("".join(alike.values())):
        return composed
    return composed.translate(alike)


@lru_cache(maxsize=1000)
def _alike(letter: str) -> str:
    """What is read as the same, or the letter without its accent."""
    return LIKENESS.get(letter) or unicodedata.normalize("NFKD", letter)[0]


def segments(text: str) -> int:
    """One Cyrillic letter makes the whole text UCS-2, and a part less than half as long."""
    if not set(text) - GSM:
        septets = [1 + (letter in GSM_EXTENDED) for letter in text]
        return _parts(septets, GSM_ALONE, GSM_JOINED)
    units = [1 + (letter > "\uffff") for letter in text]
    return _parts(units, UCS2_ALONE, UCS2_JOINED)


def _parts(sizes: list[int], alone: int, joined: int) -> int:
    """No letter is cut in two: one that does not fit begins the next part."""
    if sum(sizes) <= alone:
        return 1
    parts, room = 1, joined
    for size in sizes:
        if size > room:
            parts, room = parts + 1, joined
        room -= size
    return parts
