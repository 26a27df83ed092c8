"""A statement that reads patients' names or contacts runs where it is said whom it sees."""

import re

from psycopg.sql import SQL

from tests.integration.plans import statements

NAMES_PEOPLE = re.compile(r"\b(FROM|JOIN|INTO|UPDATE) (patients|imports)\b")
SAID = {
    "accounts.NAMES",
    "consents.REACHED",
    "demo_patients.ONE",
    "demo_patients.SOME",
    "import_people.PEOPLE",
    "import_writes.FILL",
    "import_writes.MAKE_PEOPLE",
    "imports.ABOUT",
    "imports.DONE",
    "imports.FORGET",
    "imports.FORGET_UNREAD",
    "imports.READ_SO_FAR",
    "imports.STAGE",
    "imports.STAGED",
    "judged_messages.BEGIN",
    "patients.CHANGE",
    "patients.ONE",
    "patients.REGISTER",
    "removing_patients.FORGET.4",
    "removing_patients.GO_OVER.5",
    "removing_patients.LOCK",
    "replies.ANSWERED",
    "replies.LANGUAGE",
    "replies.WITHDRAW",
    "staff_days.LIVE",
    "staff_days.NAMES",
    "staff_days.OVER",
}
"""Those whose transactions say it. Elsewhere they find nobody: row-level security hides all."""


def test_a_statement_that_names_people_says_whom_it_sees() -> None:
    """A new one reads `patient_facts`, or is run with `sees=` and is named here."""
    naming = {name for name, each in statements().items() if NAMES_PEOPLE.search(written(each))}

    assert naming == SAID


def written(statement: object) -> str:
    return statement.as_string() if isinstance(statement, SQL) else str(statement)
