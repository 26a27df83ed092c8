"""Appointments, their moves, and the messages about them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint

from adapters.postgres.tables.naming import NEW_REVISION, instant, metadata

LIVE = "status IN ('held', 'confirmed', 'arrived')"

LAPSES_AT = "CASE WHEN status = 'held' THEN held_until END"
"""What holds are found by when all of them are looked at. A statement about some of them says
`status = 'held'`, which no index over all holds answers to: it would grow with those of others."""

BEGINS_AT = "CASE WHEN status = 'confirmed' THEN starts_at END"
"""What visits are found by when all that are ahead are looked at, and no other statement asks."""

LIVE_AS = (
    "CASE WHEN status = 'held' THEN 'hold' WHEN status IN ('confirmed', 'arrived') THEN 'visit' END"
)
"""Of each a visit has one row at most."""

UNMARKED_VISIT = "CASE WHEN NOT overbook THEN visit_id END"
"""What the doctor's rule compares: a marked overbooking is null, and in no visit's way."""

LET_GO = "status IN ('expired', 'cancelled') AND confirmed_at IS NULL AND held_until IS NOT NULL"
"""A hold that came to nothing."""

DOCTOR_FREE = "schedules_doctor_free"
PATIENT_FREE = "schedules_patient_free"
IN_SHIFT = "schedules_in_shift"
VISIT_ONCE = "schedules_visit_once"
VISITS_BY_START = "schedules_begins_at_idx"
HOLDS_BY_END = "schedules_lapses_at_idx"

schedules = Table(
    "schedules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patients.id"), nullable=False),
    Column("doctor_id", Uuid, ForeignKey("doctors.id"), nullable=False),
    Column("practitioner_id", Uuid, nullable=False),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("during", TSTZRANGE, Computed("tstzrange(starts_at, ends_at)", persisted=True)),
    Column(
        "occupies",
        TSTZRANGE,
        Computed(f"CASE WHEN {LIVE} THEN tstzrange(starts_at, ends_at) END", persisted=True),
    ),
    Column("status", Text, nullable=False),
    Column("held_until", DateTime(timezone=True)),
    Column("first_held_until", DateTime(timezone=True)),
    Column("extensions", SmallInteger, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("visit_id", Uuid, nullable=False),
    Column("overbook", Boolean, nullable=False, server_default=text("false")),
    Column("moves", Integer, nullable=False, server_default="0"),
    Column("confirmed_version", Integer),
    Column("cancelled_version", Integer),
    Column("rescheduled_version", Integer),
    Column("attendance", Text),
    Column("service_id", Uuid),
    Column("origin", Text, nullable=False, server_default="patient"),
    Column("held_by", Uuid),
    Column("reason", Text),
    instant("confirmed_at"),
    instant("cancelled_at"),
    instant("rescheduled_at"),
    instant("arrived_at"),
    instant("created_at", nullable=False),
    instant("updated_at", nullable=False),
    Column("revision", BigInteger, nullable=False, server_default=NEW_REVISION),
    CheckConstraint(
        "status IN ('held', 'confirmed', 'cancelled', 'expired',"
        " 'arrived', 'completed', 'no_show')",
        name="status",
    ),
    CheckConstraint("ends_at > starts_at", name="ends_after_start"),
    CheckConstraint("status <> 'held' OR held_until IS NOT NULL", name="hold_has_an_end"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("moves >= 0", name="moves"),
    CheckConstraint("attendance IN ('promised')", name="attendance"),
    UniqueConstraint("id", "patient_id", name="schedules_of_patient"),
    ForeignKeyConstraint(
        ["visit_id", "patient_id"],
        ["schedules.id", "schedules.patient_id"],
        name="schedules_visit",
    ),
    ForeignKeyConstraint(
        ["doctor_id", "practitioner_id"],
        ["doctors.id", "doctors.practitioner_id"],
        name="schedules_person",
        onupdate="CASCADE",
    ),
    ExcludeConstraint(
        ("practitioner_id", "="),
        ("occupies", "&&"),
        (text(f"({UNMARKED_VISIT})"), "<>"),
        name=DOCTOR_FREE,
    ),
    ExcludeConstraint(
        ("patient_id", "="), ("occupies", "&&"), ("visit_id", "<>"), name=PATIENT_FREE
    ),
    Index("schedules_doctor_day_idx", "doctor_id", "starts_at"),
    Index("schedules_patient_idx", "patient_id", "created_at", "id"),
    Index("schedules_changed_idx", "updated_at"),
    Index("schedules_let_go_idx", "doctor_id", "starts_at", postgresql_where=text(LET_GO)),
    Index(
        "schedules_held_by_idx",
        "held_by",
        postgresql_where=text("status = 'held' AND held_by IS NOT NULL"),
    ),
    Index(
        "schedules_overbooked_idx",
        "practitioner_id",
        "occupies",
        postgresql_using="gist",
        postgresql_where=text("overbook"),
    ),
    Index(
        VISIT_ONCE,
        "visit_id",
        text(f"({LIVE_AS})"),
        unique=True,
        postgresql_where=text(f"({LIVE_AS}) IS NOT NULL"),
    ),
    Index(
        VISITS_BY_START,
        text(f"({BEGINS_AT})"),
        postgresql_where=text(f"({BEGINS_AT}) IS NOT NULL"),
    ),
    Index(
        HOLDS_BY_END,
        text(f"({LAPSES_AT})"),
        postgresql_where=text(f"({LAPSES_AT}) IS NOT NULL"),
    ),
)

moves = Table(
    "moves",
    metadata,
    Column(
        "appointment_id", Uuid, ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("version", Integer, primary_key=True, autoincrement=False),
    instant("moved_at", nullable=False),
    Column("doctor_id", Uuid, nullable=False),
    Column("clinic_id", Uuid, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("previous_doctor_id", Uuid, nullable=False),
    Column("previous_clinic_id", Uuid, nullable=False),
    Column("previous_starts_at", DateTime(timezone=True), nullable=False),
    Column("previous_ends_at", DateTime(timezone=True), nullable=False),
)
"""Every move of a visit, by the version that it made. A trigger writes them."""

move_keys = Table(
    "move_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column(
        "appointment_id",
        Uuid,
        ForeignKey("schedules.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("version", Integer, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("doctor_id", Uuid),
    Column("reason", Text),
    Column("refusal", JSONB),
    instant("created_at", nullable=False),
)
"""What an Idempotency-Key was sent for. An answer that moved the visit is in `moves`."""

notifications = Table(
    "notifications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("audience", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("appointment_id", Uuid, ForeignKey("schedules.id"), nullable=False, index=True),
    Column("patient_id", Uuid),
    Column("doctor_id", Uuid, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("provider_message_id", Text),
    Column("error", Text),
    instant("created_at", nullable=False),
    instant("sent_at"),
    instant("delivered_at"),
    Column("instead_of", Text),
    instant("read_at"),
    Column("step", Text),
    UniqueConstraint("event_id", "audience", "channel", "doctor_id", name="notifications_once"),
    CheckConstraint("audience IN ('patient', 'doctor')", name="audience"),
    CheckConstraint("channel IN ('email', 'sms', 'inbox')", name="channel"),
    CheckConstraint(
        "status IN ('sending', 'sent', 'delivered', 'failed', 'superseded', 'declined',"
        " 'reserved')",
        name="status",
    ),
    Index("notifications_created_at_idx", "created_at"),
    Index("notifications_inbox_idx", "doctor_id", "audience", "created_at", "id"),
    Index(
        "notifications_reminders_idx",
        "step",
        "starts_at",
        "appointment_id",
        postgresql_where=text("step IS NOT NULL"),
    ),
)

appeals = Table(
    "appeals",
    metadata,
    Column(
        "appointment_id", Uuid, ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False),
    instant("asked_at", nullable=False),
    instant("decided_at"),
    Column("kept_because", Text),
    CheckConstraint("kept_because IN ('not_seen', 'came_too_late', 'other')", name="kept_because"),
    CheckConstraint("kept_because IS NULL OR decided_at IS NOT NULL", name="kept_is_decided"),
    Index("appeals_open_idx", "clinic_id", "asked_at", postgresql_where=text("decided_at IS NULL")),
)
"""A mark of a missed visit that its patient asked the clinic to look at again, by its version."""
