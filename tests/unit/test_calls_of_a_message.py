"""How much Python the messages of one visit are, from its facts to what is sent."""

import pytest

from adapters.messages.mail import mime
from adapters.messages.rendering import letter, text_message
from adapters.messages.visit import Visit
from notifier.samples import ACCOUNT, IN_LONDON, IN_MOSCOW, SENDER
from tests.calls import Calls, only_where_counted

CALLS_OF_A_TEXT, CALLS_OF_A_LETTER = 2350, 10_000
"""Were 2 115 (a Russian text is shortened until it fits) and 9 593; in English 702 and 8 617."""


@only_where_counted
@pytest.mark.parametrize("visit", [IN_MOSCOW, IN_LONDON])
def test_the_messages_of_a_visit_are_within_their_budget(visit: Visit) -> None:
    told(visit)  # what is compiled once a process is no visit's

    text, written = told(visit)

    assert 500 <= text.made <= CALLS_OF_A_TEXT
    assert 3000 <= written.made <= CALLS_OF_A_LETTER


def told(visit: Visit) -> tuple[Calls, Calls]:
    text, written = Calls(), Calls()
    with text:
        text_message(visit, account_url=ACCOUNT)
    with written:
        mail = letter(visit, account_url=ACCOUNT, sender=SENDER)
        mime(mail, sender=SENDER, to=visit.email, message_id="<1a2b3c4d@priyom.example>")
    return text, written
