"""Parts of a text message, counted from the tables of GSM 03.38 alone."""

ESCAPE = 0x1B
BY_CODE = [
    *"@£$¥èéùìòÇ\nØø\rÅå",
    *"Δ_ΦΓΛΩΠΨΣΘΞ",
    "",  # escapes to the second table
    *"ÆæßÉ",
    *" !\"#¤%&'()*+,-./",
    *"0123456789:;<=>?",
    *"¡ABCDEFGHIJKLMNO",
    *"PQRSTUVWXYZÄÖÑÜ§",
    *"¿abcdefghijklmno",
    *"pqrstuvwxyzäöñüà",
]
AFTER_ESCAPE = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
SEPTETS = {letter: bytes([code]) for code, letter in enumerate(BY_CODE) if letter} | {
    letter: bytes([ESCAPE, code]) for code, letter in AFTER_ESCAPE.items()
}
USER_DATA = 140
"""Bytes; six of them are the header of a part where there are several."""


def parts(text: str) -> int:
    """As many as a network sends."""
    if all(letter in SEPTETS for letter in text):
        return _parts([len(SEPTETS[letter]) for letter in text], USER_DATA * 8 // 7, 134 * 8 // 7)
    return _parts([len(letter.encode("utf-16-le")) for letter in text], USER_DATA, 134)


def _parts(sizes: list[int], alone: int, joined: int) -> int:
    if sum(sizes) <= alone:
        return 1
    filled = [0]
    for size in sizes:
        if filled[-1] + size > joined:
            filled.append(0)
        filled[-1] += size
    return len(filled)
