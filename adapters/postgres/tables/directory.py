"""Clinics, doctors, and when these are on duty."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE

from adapters.postgres.tables.naming import NEW_REVISION, metadata

clinics = Table(
    "clinics",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("rules", JSONB),
)

doctors = Table(
    "doctors",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("practitioner_id", Uuid, nullable=False),
    Column("full_name", Text, nullable=False),
    Column("specialty", Text, nullable=False),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False, index=True),
    Column("slot_minutes", SmallInteger, nullable=False, server_default="30"),
    Column("version", Integer, nullable=False, server_default="1"),
    CheckConstraint("slot_minutes BETWEEN 5 AND 480", name="slot_minutes"),
    UniqueConstraint("id", "practitioner_id", name="doctors_person"),
    Index("doctors_specialty_idx", "specialty", "clinic_id"),
    Index("doctors_alphabet_idx", text("folded(full_name)"), "full_name", "id"),
)

services = Table(
    "services",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False, index=True),
    Column("specialty", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("minutes", SmallInteger, nullable=False),
    Column("self_bookable", Boolean, nullable=False, server_default=text("true")),
    Column("version", Integer, nullable=False, server_default="1"),
    CheckConstraint("minutes BETWEEN 5 AND 480", name="minutes"),
    CheckConstraint("version > 0", name="version"),
    Index("services_alphabet_idx", text("folded(name)"), "name", "id"),
)
"""What a patient comes for, and how long it takes."""

doctor_services = Table(
    "doctor_services",
    metadata,
    Column("doctor_id", Uuid, ForeignKey("doctors.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "service_id",
        Uuid,
        ForeignKey("services.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)
"""Who offers what."""

# PRIMARY KEY (doctor_id, during WITHOUT OVERLAPS) is written in the migration: SQLAlchemy has no
# word for it, and Alembic does not compare primary keys.
shifts = Table(
    "shifts",
    metadata,
    Column("doctor_id", Uuid, ForeignKey("doctors.id"), primary_key=True),
    Column("during", TSTZRANGE, primary_key=True),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False),
    Column("revision", BigInteger, nullable=False, server_default=NEW_REVISION),
    Column("state", Text, nullable=False, server_default="open"),
    CheckConstraint("state IN ('open', 'closing')", name="state"),
    CheckConstraint(
        "NOT lower_inf(during) AND NOT upper_inf(during) AND lower_inc(during) "
        "AND NOT upper_inc(during)",
        name="during_is_bounded",
    ),
    Index("shifts_during_idx", "during", postgresql_using="gist"),
)
