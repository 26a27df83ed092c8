"""What a patient answers to a reminder by text message, and what comes of it."""

from enum import StrEnum


class Word(StrEnum):
    """What an answer says."""

    COMING = "coming"
    CANCEL = "cancel"
    STOP = "stop"
    OTHER = "other"


WORDS = {
    **dict.fromkeys(("1", "да", "yes"), Word.COMING),
    # who types a zero may find the letter
    **dict.fromkeys(("0", "o", "\N{CYRILLIC SMALL LETTER O}"), Word.CANCEL),
    **dict.fromkeys(("stop", "стоп"), Word.STOP),
}


class Reply(StrEnum):
    """What the patient is told in return; the name of its text."""

    PROMISED = "promised"
    ASK_AGAIN = "ask_again"
    CANCELLED = "cancelled"
    RULE = "rule"
    CHANGED = "changed"
    STOPPED = "stopped"
    HOW_TO = "how_to"
    NOTHING = "nothing"


def word_of(text: str) -> Word:
    """The whole message is the word: one that says more is not understood, and changes nothing."""
    return WORDS.get(text.strip(" \t\r\n.!\"'«»").casefold(), Word.OTHER)
