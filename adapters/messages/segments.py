"""How many parts a text message is sent and paid in (3GPP TS 23.038, GSM-7 and UCS-2)."""

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("^{}\\[~]|€\f")

GSM_ALONE, GSM_JOINED = 160, 153
UCS2_ALONE, UCS2_JOINED = 70, 67


def segments(text: str) -> int:
    """One Cyrillic letter makes the whole text UCS-2, and a part less than half as long."""
    if all(letter in GSM_BASIC or letter in GSM_EXTENDED for letter in text):
        septets = [2 if letter in GSM_EXTENDED else 1 for letter in text]
        return _parts(septets, GSM_ALONE, GSM_JOINED)
    units = [len(letter.encode("utf-16-be")) // 2 for letter in text]
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
