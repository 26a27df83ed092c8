"""Seals of the trail: a chain of digests, by which a line that was changed or is gone is noticed.

A booking that waited for the line before it would make bookings wait for each other. So lines are
sealed behind them: each seal keeps the digests of some lines, and a hash over these and the seal
before. Who changes a line, or deletes one, has to make every later seal anew; the last one is known
outside the database as well (the result of the audit before).
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from adapters.postgres.database import Connection
from domain.audit import Seal

LINES_SEALED = 5_000
"""In one seal."""

SOON = timedelta(minutes=1)
"""A line is seen when its transaction commits; the sealer looks for it as long as this."""

LATE = timedelta(hours=1)
"""The audit looks further back. A line that appears later still is somebody's forgery."""

SEALS_CHECKED = 100
"""In one statement."""

SEALS_OF_AN_HOUR = 3_600
"""A line is in one of these before or behind the seal where its number would be."""

BREAKS_NAMED = 20

SHORTEST_KEPT = "1 year"
"""The database forgets nothing that is younger, whatever it is asked."""

# What lies behind the last line of a seal of so long ago, except what seals since then have.
SEAL = text("""
WITH last AS (
    SELECT place, last_line, hash FROM audit_seals ORDER BY place DESC LIMIT 1
), settled AS (
    SELECT place, last_line FROM audit_seals
    WHERE at <= statement_timestamp() - CAST(:look_back AS interval)
    ORDER BY place DESC LIMIT 1
), unsealed AS (
    SELECT a.id, digest_of(a) AS digest FROM audit a
    WHERE a.id > coalesce((SELECT last_line FROM settled), 0) AND a.id NOT IN (
        SELECT unnest(lines) FROM audit_seals
        WHERE place > coalesce((SELECT place FROM settled), 0)
    )
    ORDER BY a.id LIMIT :batch
), made AS (
    SELECT array_agg(id ORDER BY id) AS lines, array_agg(digest ORDER BY id) AS digests,
           string_agg(digest, CAST('' AS bytea) ORDER BY id) AS together, max(id) AS last_line
    FROM unsealed
)
INSERT INTO audit_seals (place, last_line, lines, digests, hash)
SELECT coalesce((SELECT place FROM last), 0) + 1,
       greatest(last_line, (SELECT last_line FROM last)), lines, digests,
       sha256(coalesce((SELECT hash FROM last), CAST('' AS bytea)) || together)
FROM made WHERE lines IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING cardinality(lines)
""")

LAST = text(
    "SELECT place, encode(hash, 'hex') AS hash FROM audit_seals ORDER BY place DESC LIMIT 1"
)
KNOWN = text("SELECT FROM audit_seals WHERE place = :place AND hash = decode(:hash, 'hex')")

# The first seal that is left may be without lines: those are forgotten, and it holds their place.
LOOKED_AT = """
WITH looked_at AS (
    SELECT s.*, s.place = first.place AND s.lines = '{}' AS is_beginning
    FROM audit_seals s, (SELECT min(place) AS place FROM audit_seals) first
    WHERE s.place > :after AND s.place <= :after + :batch
), sealed AS (
    SELECT line, digest FROM looked_at, unnest(lines, digests) AS of (line, digest)
)
"""

BREAKS = text(f"""
{LOOKED_AT}
SELECT 'seal' AS what, s.place FROM looked_at s LEFT JOIN audit_seals b ON b.place = s.place - 1
WHERE NOT s.is_beginning AND (
    s.hash <> sha256(coalesce(b.hash, CAST('' AS bytea)) || (
        SELECT string_agg(digest, CAST('' AS bytea) ORDER BY nth)
        FROM unnest(s.digests) WITH ORDINALITY AS of (digest, nth)))
    OR b.place IS NULL AND s.place > 1
)
UNION ALL
SELECT 'cut', s.place FROM looked_at s
WHERE s.is_beginning AND s.at > statement_timestamp() - interval '{SHORTEST_KEPT}'
UNION ALL
SELECT CASE WHEN a.id IS NULL THEN 'gone' ELSE 'changed' END, sealed.line
FROM sealed LEFT JOIN audit a ON a.id = sealed.line
WHERE a.id IS NULL OR digest_of(a) <> sealed.digest
UNION ALL
SELECT 'forged', a.id FROM audit a
WHERE a.id BETWEEN (SELECT min(line) FROM sealed) AND (SELECT max(line) FROM sealed)
  AND a.at <= statement_timestamp() - CAST(:late AS interval)
  AND a.id NOT IN (SELECT line FROM sealed)
  AND NOT EXISTS (
      SELECT FROM audit_seals s WHERE a.id = ANY(s.lines)
        AND s.place BETWEEN :after - {SEALS_OF_AN_HOUR} AND :after + :batch + {SEALS_OF_AN_HOUR})
ORDER BY 1, 2 LIMIT :named
""")  # noqa: S608 - our own words

COUNTED = text(f"{LOOKED_AT} SELECT count(*) FROM sealed")  # noqa: S608
FIRST = text("SELECT min(place) FROM audit_seals")
FORGET = text("SELECT forget_trail(:kept)")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some seals that were looked at: how many lines they have. Each break is a sentence."""

    lines: int
    breaks: list[str]


SENTENCES = {
    "seal": "seal {} does not fit the one before it",
    "cut": "what is before seal {} was cut off too soon",
    "gone": "line {} is gone",
    "changed": "line {} was changed",
    "forged": "line {} was put in later",
}


async def seal(connection: Connection, look_back: timedelta) -> int:
    """The number of lines that were sealed; another sealer may be first, which is as good."""
    asked = {"look_back": look_back, "batch": LINES_SEALED}
    return (await connection.execute(SEAL, asked)).scalar_one_or_none() or 0


async def forget(connection: Connection, kept: timedelta) -> int:
    """How many lines went now; 0 when there are no more that are old enough."""
    return (await connection.execute(FORGET, {"kept": kept})).scalar_one() or 0


async def last_seal(connection: Connection) -> Seal | None:
    row = (await connection.execute(LAST)).mappings().one_or_none()
    return None if row is None else Seal(**row)


async def first_place(connection: Connection) -> int:
    """Of the seals that are left."""
    return (await connection.execute(FIRST)).scalar_one() or 1


async def is_known(connection: Connection, known: Seal) -> bool:
    """Whether a seal that was seen before is still there."""
    return (await connection.execute(KNOWN, vars(known))).first() is not None


async def check_seals(connection: Connection, after: int) -> Batch:
    """The next seals behind this place, and all of their lines."""
    asked = {"after": after, "batch": SEALS_CHECKED}
    lines = (await connection.execute(COUNTED, asked)).scalar_one()
    found = await connection.execute(BREAKS, asked | {"late": LATE, "named": BREAKS_NAMED})
    return Batch(
        lines=lines,
        breaks=[SENTENCES[row.what].format(row.place) for row in found],
    )
