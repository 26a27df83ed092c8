"""Who came and who did not, by specialty and by how long ahead the appointment was booked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import text

from adapters.postgres.database import Connection

DAYS = 28
"""Of the outcome: when the appointment was cancelled, or its mark was made."""

LEADS = ((0, 0), (1, 3), (4, 7), (8, 14), (15, 30), (31, None))
"""Whole days from the booking to the appointment, first and last; the last group has no end."""

# A day at a time, so that the index finds it however much the planner thinks there is. By doctor
# first: each doctor is looked for once.
RATES = text(f"""
SELECT (SELECT d.specialty FROM doctors d WHERE d.id = seen.doctor_id) AS specialty, lead,
    CAST(sum(arrived) AS int) AS arrived, CAST(sum(completed) AS int) AS completed,
    CAST(sum(no_show) AS int) AS no_show, CAST(sum(cancelled) AS int) AS cancelled
FROM (
    SELECT doctor_id,
        width_bucket(CAST(extract(epoch FROM starts_at - confirmed_at) / 86400 AS float8),
                     ARRAY{[float(first) for first, _ in LEADS[1:]]}) AS lead,
        count(*) FILTER (WHERE status = 'arrived') AS arrived,
        count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'no_show') AS no_show,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled
    FROM generate_series(1, {DAYS}) AS day CROSS JOIN LATERAL (
        SELECT doctor_id, starts_at, confirmed_at, status FROM schedules
        WHERE updated_at > statement_timestamp() - day * interval '1 day'
          AND updated_at <= statement_timestamp() - (day - 1) * interval '1 day'
          AND confirmed_at IS NOT NULL
          AND status IN ('arrived', 'completed', 'no_show', 'cancelled')
        OFFSET 0
    ) ended
    GROUP BY 1, 2
) seen GROUP BY 1, 2 ORDER BY 1, 2
""")  # noqa: S608 - our own numbers


@dataclass(frozen=True, kw_only=True)
class Attended:
    """Counts of appointments; those cancelled are part of no rate of coming."""

    arrived: int = 0
    completed: int = 0
    no_show: int = 0
    cancelled: int = 0

    @property
    def came(self) -> int:
        return self.arrived + self.completed

    @property
    def no_show_percent(self) -> float | None:
        """Of those that were due, one decimal place; null where none was."""
        due = self.came + self.no_show
        return round(100 * self.no_show / due, 1) if due else None

    def __add__(self, other: "Attended") -> "Attended":
        return Attended(
            arrived=self.arrived + other.arrived,
            completed=self.completed + other.completed,
            no_show=self.no_show + other.no_show,
            cancelled=self.cancelled + other.cancelled,
        )


@dataclass(frozen=True, kw_only=True)
class OfSpecialty:
    """`by_lead` has the place of a group in `LEADS`."""

    specialty: str
    total: Attended
    by_lead: dict[int, Attended]


async def attendance_rates(connection: Connection) -> Sequence[OfSpecialty]:
    """Of the last `DAYS`, in the order of the specialties' names."""
    rows = (await connection.execute(RATES)).mappings().all()
    found = []
    for specialty, of_it in groupby(rows, key=lambda row: str(row["specialty"])):
        by_lead = {
            row["lead"]: Attended(
                arrived=row["arrived"],
                completed=row["completed"],
                no_show=row["no_show"],
                cancelled=row["cancelled"],
            )
            for row in of_it
        }
        total = sum(by_lead.values(), Attended())
        found.append(OfSpecialty(specialty=specialty, total=total, by_lead=by_lead))
    return found
