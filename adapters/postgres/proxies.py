"""Who may act for a patient."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.engine import RowMapping

from adapters.postgres.database import Connection
from domain.errors import PatientNotFound, ProxyNotFound
from domain.patients import Proxy

ALLOW = text("""
INSERT INTO proxies (id, patient_id, subject, proxy_patient_id, until)
SELECT :id, p.id, CAST(:subject AS text), CAST(:proxy_patient_id AS uuid),
       CAST(:until AS timestamptz)
FROM patient_facts p WHERE p.id = :patient_id AND p.erased_at IS NULL AND (
    CAST(:proxy_patient_id AS uuid) IS NULL
    OR EXISTS (SELECT FROM patient_facts o WHERE o.id = :proxy_patient_id AND o.erased_at IS NULL)
)
ON CONFLICT ON CONSTRAINT proxies_once DO UPDATE SET until = excluded.until
RETURNING *
""")

OF_PATIENT = text("""
SELECT * FROM proxies WHERE patient_id = :patient_id
  AND (until IS NULL OR until > clock_timestamp()) ORDER BY created_at, id
""")

IS_AHEAD = text("SELECT CAST(:until AS timestamptz) > clock_timestamp()")

# Whoever may act for somebody may let others, but not for longer: nor oneself.
OWN_END = text("""
SELECT bool_or(until IS NULL) AS is_open, max(until) AS until FROM proxies
WHERE patient_id = :patient_id
  AND (subject = :subject OR proxy_patient_id = CAST(:proxy_patient_id AS uuid))
  AND (until IS NULL OR until > clock_timestamp())
""")

END = text("DELETE FROM proxies WHERE id = :id AND patient_id = :patient_id")


async def allow(
    connection: Connection,
    patient_id: UUID,
    *,
    subject: str | None,
    proxy_patient_id: UUID | None,
    until: datetime | None,
) -> Proxy:
    """The same one again: the line that is there, with the new end."""
    asked = {
        "id": uuid4(),
        "patient_id": patient_id,
        "subject": subject,
        "proxy_patient_id": proxy_patient_id,
        "until": until,
    }
    row = (await connection.execute(ALLOW, asked)).mappings().one_or_none()
    if row is None:
        raise PatientNotFound
    return _proxy(row)


async def is_ahead(connection: Connection, until: datetime) -> bool:
    """By the clock that proxies end by."""
    found: bool = (await connection.execute(IS_AHEAD, {"until": until})).scalar_one()
    return found


async def own_end(
    connection: Connection, patient_id: UUID, *, subject: str, proxy_patient_id: UUID | None
) -> datetime | None:
    """When this proxy's own right ends; null where it does not."""
    asked = {"patient_id": patient_id, "subject": subject, "proxy_patient_id": proxy_patient_id}
    row = (await connection.execute(OWN_END, asked)).mappings().one()
    until: datetime | None = row["until"]
    return None if row["is_open"] else until


async def proxies_of(connection: Connection, patient_id: UUID) -> Sequence[Proxy]:
    """Those that count now."""
    rows = await connection.execute(OF_PATIENT, {"patient_id": patient_id})
    return [_proxy(row) for row in rows.mappings()]


async def end(connection: Connection, patient_id: UUID, proxy_id: UUID) -> None:
    asked = {"id": proxy_id, "patient_id": patient_id}
    if (await connection.execute(END, asked)).rowcount == 0:
        raise ProxyNotFound


def _proxy(row: RowMapping) -> Proxy:
    return Proxy(
        proxy_id=row["id"],
        patient_id=row["patient_id"],
        subject=row["subject"],
        proxy_patient_id=row["proxy_patient_id"],
        until=row["until"],
    )
