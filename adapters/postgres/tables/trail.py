"""What the audit remembers, and the trail of who did what."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.postgres.tables.naming import instant, metadata

secret_in_use = Table(
    "secret_in_use",
    metadata,
    Column("only_one", Boolean, primary_key=True, server_default=text("true")),
    Column("fingerprint", LargeBinary, nullable=False),
    instant("since", nullable=False),
    CheckConstraint("only_one", name="only_one"),
)
"""By which a process notices that it was given another secret."""

audit_progress = Table(
    "audit_progress",
    metadata,
    Column("sweep", Text, primary_key=True),
    Column("swept_until", DateTime(timezone=True), nullable=False),
)
"""How far the audit has come through what has changed."""

events_in_doubt = Table(
    "events_in_doubt",
    metadata,
    Column(
        "appointment_id", Uuid, ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("sequence", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    instant("found_at", nullable=False),
    instant("looked_at"),
    instant("settled_at"),
    Index(
        "events_in_doubt_open_idx",
        text("looked_at NULLS FIRST"),
        "sequence",
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index("events_in_doubt_settled_idx", "settled_at"),
)
"""Events that the audit has not seen anybody receive, until somebody has announced them."""

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    instant("at", nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("version", Integer),
    Column("outcome", Text, nullable=False, server_default="done"),
    Column("patient_id", Uuid),
    Column("clinic_ids", ARRAY(Uuid)),
    Column("status", Text),
    Column("doctor_id", Uuid),
    Column("starts_at", DateTime(timezone=True)),
    Column("reason", Text),
    Index("audit_object_idx", "object", "id"),
    Index("audit_actor_idx", "actor", "id"),
    Index("audit_at_idx", "at", postgresql_using="brin"),
)
"""Who did what: a line for every change of an appointment or a patient, by triggers, and for every
look that staff takes at a patient. Lines are only ever added."""

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    instant("at", nullable=False),
    Column("last_line", BigInteger, nullable=False),
    Column("lines", ARRAY(BigInteger), nullable=False),
    Column("digests", ARRAY(LargeBinary), nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
"""The digests of some lines, and a hash over them and over the seal before: a chain."""
