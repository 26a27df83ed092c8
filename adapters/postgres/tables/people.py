"""Patients, who acts for them, who signs in as them, what they said about messages."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.postgres.tables.naming import instant, metadata

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
    instant("erased_at"),
    CheckConstraint("language IN ('ru', 'en')", name="language"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("merged_into IS NULL OR erased_at IS NOT NULL", name="merged_is_erased"),
    CheckConstraint(
        "erased_at IS NULL OR (full_name = '' AND num_nonnulls(phone, email, birth_date) = 0)",
        name="erased_is_nobody",
    ),
    Index("patients_name_idx", text("folded(full_name)")),
    Index("patients_phone_idx", "phone", postgresql_where=text("phone IS NOT NULL")),
)
"""A record that was erased, or went over to another one, stays as a row without a person."""

proxies = Table(
    "proxies",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patients.id", ondelete="CASCADE"), nullable=False),
    Column("subject", Text),
    Column("proxy_patient_id", Uuid, ForeignKey("patients.id", ondelete="CASCADE")),
    instant("until"),
    instant("created_at", nullable=False),
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
    instant("changed_at", nullable=False),
    CheckConstraint("channel IN ('email', 'sms')", name="channel"),
    CheckConstraint("consent IN ('given', 'fallback', 'withdrawn')", name="consent"),
)
"""What a patient said about messages of a kind by a channel; no row means given."""

replies = Table(
    "replies",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("word", Text, nullable=False),
    Column("appointment_id", Uuid, ForeignKey("schedules.id", ondelete="CASCADE"), index=True),
    Column("version", Integer),
    Column("is_again", Boolean, nullable=False),
    instant("received_at", nullable=False),
    CheckConstraint("word IN ('coming', 'cancel', 'stop', 'other')", name="word"),
    Index("replies_received_at_idx", "received_at"),
)
"""A patient's text message by its provider's id, and the visit that it was about, if it was."""

calendar_feeds = Table(
    "calendar_feeds",
    metadata,
    Column("patient_id", Uuid, ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("language", Text, nullable=False),
    instant("created_at", nullable=False),
    CheckConstraint("language IN ('ru', 'en')", name="language"),
    UniqueConstraint("token_hash", name="calendar_feeds_once"),
)
"""The secret address at which a calendar asks for a patient's visits, by its digest."""
