"""The tables. Rules that must hold whoever writes are named constraints here."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, ExcludeConstraint

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)

revisions = Sequence("revisions", metadata=metadata)
"""One counter for every change of a row or a shift; never used twice, also after a rollback."""

NOW = text("clock_timestamp()")
LIVE = "status IN ('held', 'confirmed', 'arrived')"

LAPSES_AT = "CASE WHEN status = 'held' THEN held_until END"
"""What holds are found by when all of them are looked at. A statement about some of them says
`status = 'held'`, which no index over all holds answers to: it would grow with those of others."""

LIVE_AS = (
    "CASE WHEN status = 'held' THEN 'hold' WHEN status IN ('confirmed', 'arrived') THEN 'visit' END"
)
"""Of each a visit has one row at most."""

UNMARKED_VISIT = "CASE WHEN NOT overbook THEN visit_id END"
"""What the doctor's rule compares: a marked overbooking is null, and in no visit's way."""

DOCTOR_FREE = "schedules_doctor_free"
PATIENT_FREE = "schedules_patient_free"
IN_SHIFT = "schedules_in_shift"
VISIT_ONCE = "schedules_visit_once"
HOLDS_BY_END = "schedules_lapses_at_idx"


def _instant(name: str, *, nullable: bool = True) -> "Column[object]":
    default = None if nullable else NOW
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


clinics = Table(
    "clinics",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
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
    CheckConstraint("slot_minutes BETWEEN 5 AND 480", name="slot_minutes"),
    UniqueConstraint("id", "practitioner_id", name="doctors_person"),
    Index("doctors_specialty_idx", "specialty", "clinic_id"),
    Index("doctors_alphabet_idx", text("folded(full_name)"), "full_name", "id"),
)

patients = Table(
    "patients",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("full_name", Text, nullable=False),
    Column("phone", Text),
    Column("email", Text),
    Column("language", Text, nullable=False, server_default="ru"),
    Column("time_zone", Text),
    Column("birth_date", Date),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("merged_into", Uuid, ForeignKey("patients.id")),
    _instant("erased_at"),
    CheckConstraint("language IN ('ru', 'en')", name="language"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("merged_into IS NULL OR erased_at IS NOT NULL", name="merged_is_erased"),
    CheckConstraint(
        "erased_at IS NULL OR (full_name = '' AND num_nonnulls(phone, email, birth_date) = 0)",
        name="erased_is_nobody",
    ),
    Index("patients_name_idx", text("folded(full_name)")),
)
"""A record that was erased, or went over to another one, stays as a row without a person."""

proxies = Table(
    "proxies",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patients.id", ondelete="CASCADE"), nullable=False),
    Column("subject", Text),
    Column("proxy_patient_id", Uuid, ForeignKey("patients.id", ondelete="CASCADE")),
    _instant("until"),
    _instant("created_at", nullable=False),
    CheckConstraint("num_nonnulls(subject, proxy_patient_id) = 1", name="is_somebody"),
    UniqueConstraint(
        "patient_id",
        "subject",
        "proxy_patient_id",
        name="proxies_once",
        postgresql_nulls_not_distinct=True,
    ),
    Index("proxies_subject_idx", "subject", postgresql_where=text("subject IS NOT NULL")),
    Index(
        "proxies_proxy_patient_id_idx",
        "proxy_patient_id",
        postgresql_where=text("proxy_patient_id IS NOT NULL"),
    ),
)
"""Who may act for a patient: whoever signs in as `subject`, or as another patient."""

accounts = Table(
    "accounts",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("patient_id", ForeignKey("patients.id", ondelete="SET NULL"), index=True),
    Column("practitioner_id", Uuid),
    Column("clinic_ids", ARRAY(Uuid), nullable=False, server_default="{}"),
)
"""Who somebody of an issuer is here, where the issuer's tokens do not say it."""

consents = Table(
    "consents",
    metadata,
    Column("patient_id", Uuid, ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("consent", Text, nullable=False),
    _instant("changed_at", nullable=False),
    CheckConstraint("channel IN ('email', 'sms')", name="channel"),
    CheckConstraint("consent IN ('given', 'fallback', 'withdrawn')", name="consent"),
)
"""What a patient said about messages of a kind by a channel; no row means given."""

# PRIMARY KEY (doctor_id, during WITHOUT OVERLAPS) is written in the migration: SQLAlchemy has no
# word for it, and Alembic does not compare primary keys.
shifts = Table(
    "shifts",
    metadata,
    Column("doctor_id", Uuid, ForeignKey("doctors.id"), primary_key=True),
    Column("during", TSTZRANGE, primary_key=True),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False),
    Column(
        "revision", BigInteger, revisions, nullable=False, server_default=revisions.next_value()
    ),
    Column("state", Text, nullable=False, server_default="open"),
    CheckConstraint("state IN ('open', 'closing')", name="state"),
    CheckConstraint(
        "NOT lower_inf(during) AND NOT upper_inf(during) AND lower_inc(during) "
        "AND NOT upper_inc(during)",
        name="during_is_bounded",
    ),
    Index("shifts_during_idx", "during", postgresql_using="gist"),
)

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
    Column("reason", Text),
    _instant("confirmed_at"),
    _instant("cancelled_at"),
    _instant("rescheduled_at"),
    _instant("created_at", nullable=False),
    _instant("updated_at", nullable=False),
    Column("revision", BigInteger, nullable=False, server_default=revisions.next_value()),
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
    _instant("moved_at", nullable=False),
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
    _instant("created_at", nullable=False),
    _instant("sent_at"),
    _instant("delivered_at"),
    Column("instead_of", Text),
    _instant("read_at"),
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
)

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
    _instant("found_at", nullable=False),
    _instant("looked_at"),
    _instant("settled_at"),
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
    _instant("at", nullable=False),
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
    _instant("at", nullable=False),
    Column("last_line", BigInteger, nullable=False),
    Column("lines", ARRAY(BigInteger), nullable=False),
    Column("digests", ARRAY(LargeBinary), nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
"""The digests of some lines, and a hash over them and over the seal before: a chain."""
