"""Doctors' weekly plans, which shifts are made of."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    Table,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from adapters.postgres.tables.naming import instant, metadata

plans = Table(
    "plans",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("doctor_id", Uuid, ForeignKey("doctors.id"), nullable=False),
    Column("clinic_id", Uuid, ForeignKey("clinics.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("effective_until", Date),
    Column("weekly", JSONB, nullable=False),
    instant("created_at", nullable=False),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("effective_until >= effective_from", name="effective"),
    UniqueConstraint("doctor_id", "version", name="plans_once"),
)
"""By the wall clock of the clinic. The later a plan is written, the more it counts."""

plan_drafts = Table(
    "plan_drafts",
    metadata,
    Column("doctor_id", Uuid, ForeignKey("doctors.id"), primary_key=True),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("effective_from", Date, nullable=False),
    Column("effective_until", Date),
    Column("weekly", JSONB, nullable=False),
    instant("kept_at", nullable=False),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("effective_until >= effective_from", name="effective"),
)
"""What a manager is still writing, one a doctor. No shift is made of it."""
