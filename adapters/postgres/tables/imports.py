"""What another system knew: files that are read, and which appointments came of them."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from adapters.postgres.tables.naming import instant, metadata

imports = Table(
    "imports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("content", LargeBinary),
    Column("actor", Text, nullable=False),
    Column("report", JSONB, nullable=False),
    Column("rows_read", Integer, nullable=False, server_default="0"),
    instant("created_at", nullable=False),
    instant("done_at"),
    CheckConstraint("kind IN ('text/csv', 'application/fhir+ndjson')", name="kind"),
    CheckConstraint("done_at IS NULL OR content IS NULL", name="done_forgets"),
)
"""The file is forgotten as soon as it is read."""

imported = Table(
    "imported",
    metadata,
    Column(
        "appointment_id", Uuid, ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("import_id", Uuid, ForeignKey("imports.id"), nullable=False),
    Column("digest", Text, nullable=False),
    Column("stamp", DateTime(timezone=True)),
    Column("version", Integer, nullable=False),
    Column("visit_digest", Text),
)
"""An appointment as a file had it last. Its id is derived from clinic and external id.

`digest` is of the row, `visit_digest` of its doctor, time and status together with `digest`.
"""
