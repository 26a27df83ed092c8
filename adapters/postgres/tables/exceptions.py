"""Exceptions from plans, and the campaigns that they make necessary."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE

from adapters.postgres.tables.naming import instant, metadata

exceptions = Table(
    "exceptions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False),
    Column("doctor_id", Uuid, ForeignKey("doctors.id")),
    Column("kind", Text, nullable=False),
    Column("wall_from", DateTime, nullable=False),
    Column("wall_until", DateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    instant("created_at", nullable=False),
    instant("withdrawn_at"),
    CheckConstraint("kind IN ('remove', 'add')", name="kind"),
    CheckConstraint("wall_from < wall_until", name="wall"),
    CheckConstraint("version > 0", name="version"),
    Index("exceptions_clinic_id_idx", "clinic_id", "wall_until"),
)
"""Time that is taken from a doctor, or from a whole clinic, or added to it, by the wall clock."""

exception_spans = Table(
    "exception_spans",
    metadata,
    Column("exception_id", ForeignKey("exceptions.id", ondelete="CASCADE"), primary_key=True),
    Column("doctor_id", ForeignKey("doctors.id"), primary_key=True),
    Column("during", TSTZRANGE, primary_key=True),
)
"""What an exception took of the shifts that there were, or added to them."""

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False),
    Column("doctor_id", Uuid, ForeignKey("doctors.id")),
    Column("exception_id", Uuid, ForeignKey("exceptions.id")),
    Column("plan_id", Uuid, ForeignKey("plans.id")),
    Column("digest", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="running"),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("seen_version", Integer),
    instant("created_at", nullable=False),
    CheckConstraint("policy IN ('call_list', 'move', 'cancel')", name="policy"),
    CheckConstraint("state IN ('running', 'paused', 'stopped')", name="state"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("num_nonnulls(exception_id, plan_id) = 1", name="of_one"),
    UniqueConstraint("exception_id", name="campaigns_exception"),
    UniqueConstraint("plan_id", name="campaigns_plan"),
    UniqueConstraint("digest", name="campaigns_once"),
    Index(
        "campaigns_unseen_idx",
        "id",
        postgresql_where=text("seen_version IS DISTINCT FROM version"),
    ),
)
"""Those who are affected by one exception or plan are offered another time."""

campaign_visits = Table(
    "campaign_visits",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column(
        "appointment_id",
        ForeignKey("schedules.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("doctor_id", Uuid, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("offer_id", Uuid, ForeignKey("schedules.id"), index=True),
    instant("asked_at"),
    instant("answer_until"),
    Column("round", Integer, nullable=False, server_default="1"),
    Column("answer_heard", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("state IN ('left', 'asked', 'silent', 'without_contact')", name="state"),
    CheckConstraint("state <> 'asked' OR offer_id IS NOT NULL", name="asked"),
    CheckConstraint("round > 0", name="round"),
    Index(
        "campaign_visits_unheard_idx",
        "campaign_id",
        "appointment_id",
        postgresql_where=text("state = 'asked' AND NOT answer_heard"),
    ),
    Index("campaign_visits_doctor_id_idx", "doctor_id", "starts_at"),
)
"""A visit of a campaign, and where it stood. Whether it was moved or cancelled, its row says."""
