"""What is broken of the answers to messages: links, text messages, the calendar's address."""

from tests.mutations.mutation import Mutation

CRAWLED = "tests/integration/test_crawlers.py"
REPLIED = "tests/integration/test_replies.py"
FED = "tests/integration/test_calendar_feed.py"

ANSWERS_TO_MESSAGES = (
    Mutation(
        name="a form of no page acts",
        file="domain/visit_links.py",
        at="is_form_of",
        text="return is_ours and",
        instead="return not is_ours or",
        red=(f"{CRAWLED}::test_a_form_without_the_tokens_of_its_page_is_refused_at_every_link",),
    ),
    Mutation(
        name="the link of an old version acts",
        file="api/page/own_visits.py",
        at="Opened",
        text="booked.version == self.link.version and ",
        instead="",
        red=(f"{CRAWLED}::test_the_token_of_an_old_version_can_do_nothing_at_any_link",),
    ),
    Mutation(
        name="the first zero cancels",
        file="adapters/postgres/replies.py",
        at="ANSWERED",
        text="%(word)s = 'cancel' AND EXISTS (",
        instead="%(word)s = 'cancel' OR EXISTS (",
        red=(f"{REPLIED}::test_zero_asks_once_more_and_only_the_second_one_cancels",),
    ),
    Mutation(
        name="a text message that comes again is another wish",
        file="adapters/postgres/replies.py",
        at="take",
        text="if row is None:",
        instead="if True:",
        red=(
            f"{REPLIED}::test_zero_asks_once_more_and_only_the_second_one_cancels",
            f"{REPLIED}::test_twenty_identical_messages_at_once_count_once",
        ),
    ),
    Mutation(
        name="STOP ends the messages of one of a family",
        file="adapters/postgres/replies.py",
        at="WITHDRAW",
        text="WHERE phone = %(phone)s AND erased_at IS NULL\n",
        instead="WHERE phone = %(phone)s AND erased_at IS NULL ORDER BY id LIMIT 1\n",
        red=(f"{REPLIED}::test_stop_ends_text_messages_for_everybody_of_the_telephone",),
    ),
    Mutation(
        name="an address that was revoked still leads to the calendar",
        file="adapters/postgres/calendar_feeds.py",
        at="REVOKE",
        text="WHERE patient_id = :patient_id",
        instead="WHERE patient_id = :patient_id AND false",
        red=(f"{FED}::test_a_link_that_was_turned_off_leads_nowhere",),
    ),
)
