"""Rows and events against answers: a wrong one voids the run."""

from collections.abc import Collection, Mapping, Sequence

import psycopg

from bench.figures import OURS, PRODUCT, Turn

CONFIRMED = "SELECT id::text FROM schedules WHERE status = 'confirmed'"
OVERLAPPING = """
SELECT count(*) FROM schedules a JOIN schedules b
  ON a.id < b.id AND a.occupies && b.occupies
 AND (a.practitioner_id = b.practitioner_id OR a.patient_id = b.patient_id)
"""


async def rows_of(database_url: str) -> tuple[set[str], int]:
    """The ids of the confirmed rows, and how many live rows overlap."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        confirmed = {row[0] for row in await (await connection.execute(CONFIRMED)).fetchall()}
        overlaps = await (await connection.execute(OVERLAPPING)).fetchone()
        return confirmed, overlaps[0] if overlaps else 0


def wrong(
    turns: Sequence[Turn],
    rows: Mapping[str, Collection[str]],
    overlaps: Mapping[str, int],
    events: Collection[str],
) -> list[str]:
    """What was answered and is not so, in words; empty when all is as it was answered."""
    idle = [turn for turn in turns if not turn.answered]
    problems = [f"{turn.engine}: a turn without a booking: {turn.refused}" for turn in idle]
    for engine, count in overlaps.items():
        if count:
            problems.append(f"{engine}: {count} pairs of visits overlap")
    for engine, confirmed in rows.items():
        answered = _answered(turns, OURS if engine == PRODUCT else (engine,))
        if len(set(answered)) != len(answered):
            problems.append(f"{engine}: one visit was confirmed to two callers")
        lost = set(answered) - set(confirmed)
        if lost:
            problems.append(f"{engine}: {len(lost)} confirmed answers without a confirmed row")
        silent = set(answered) - set(events)
        if silent:
            problems.append(f"{engine}: {len(silent)} confirmed visits without an event")
    return problems


def _answered(turns: Sequence[Turn], engines: Collection[str]) -> list[str]:
    return [each for turn in turns if turn.engine in engines for each in turn.answered]
