"""A clinic's rules: kept with the clinic, so that whoever reads where it is reads them as well."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.acting import ACTING, told
from adapters.postgres.database import Database
from adapters.postgres.direct import Cursor
from adapters.postgres.rows import Row
from adapters.postgres.transactions import serializable
from domain.actors import ActorRef
from domain.clinic_rules import DEFAULT_REMINDERS, ClinicRules, RuledVisit, rules_document, rules_of
from domain.errors import ClinicNotFound
from domain.zones import zone_named

STEPS_OF_CLINIC = "coalesce(rules -> 'reminders', CAST(%(unless_chosen)s AS jsonb))"

FIND = SQL("""
SELECT c.rules, EXISTS (
    SELECT FROM doctors d WHERE d.clinic_id = c.id AND d.practitioner_id = %(practitioner_id)s
) AS works_there
FROM clinics c WHERE c.id = %(clinic_id)s
""")

# A step that is new has its instant beside the rules, and keeps it for as long as it is there.
WRITE = SQL(f"""
UPDATE clinics SET version = version + 1, rules = CAST(%(rules)s AS jsonb) || jsonb_build_object(
    'remindersSince', (
        SELECT jsonb_strip_nulls(coalesce(jsonb_object_agg(step, CASE
            WHEN {STEPS_OF_CLINIC} @> to_jsonb(step) THEN rules -> 'remindersSince' -> step
            ELSE to_jsonb(statement_timestamp())
        END), '{{}}'))
        FROM jsonb_array_elements_text(CAST(%(rules)s AS jsonb) -> 'reminders') AS step
    ))
WHERE id = %(clinic_id)s AND {ACTING}
""")  # noqa: S608 - our own condition


@dataclass(frozen=True, kw_only=True)
class KeptRules:
    """The rules, and whether the person who asks is one of the clinic's doctors."""

    rules: ClinicRules
    works_there: bool


async def find_rules(
    connection: Cursor, clinic_id: UUID, practitioner_id: UUID | None = None
) -> KeptRules:
    """Raises `ClinicNotFound`."""
    asked = {"clinic_id": clinic_id, "practitioner_id": practitioner_id}
    row = await connection.one_or_none(FIND, asked)
    if row is None:
        raise ClinicNotFound
    return KeptRules(rules=rules_of(row["rules"]), works_there=row["works_there"])


async def write_rules(
    database: Database, clinic_id: UUID, rules: ClinicRules, actor: ActorRef
) -> None:
    """They count from the commit on: nobody keeps a copy."""

    async def work(connection: Cursor) -> None:
        await _write(connection, clinic_id, rules, actor)

    await serializable(database, work)


async def change_rules(
    database: Database,
    clinic_id: UUID,
    change: Callable[[ClinicRules], ClinicRules],
    actor: ActorRef,
) -> None:
    """A part of them: what somebody else writes meanwhile is kept. Raises `ClinicNotFound`."""

    async def work(connection: Cursor) -> None:
        kept = await find_rules(connection, clinic_id)
        await _write(connection, clinic_id, change(kept.rules), actor)

    await serializable(database, work)


async def _write(connection: Cursor, clinic_id: UUID, rules: ClinicRules, actor: ActorRef) -> None:
    written = json.dumps(rules_document(rules))
    asked = {
        "clinic_id": clinic_id,
        "rules": written,
        "unless_chosen": json.dumps(DEFAULT_REMINDERS),
        "actor": told(actor),
    }
    await connection.write(WRITE, asked)


def ruled_visit(row: Row) -> RuledVisit:
    return RuledVisit(
        starts_at=row["starts_at"],
        moves=row["moves"],
        now=row["now"],
        zone=zone_named(row["time_zone"]),
        rules=rules_of(row["rules"], row["specialty"]),
    )
