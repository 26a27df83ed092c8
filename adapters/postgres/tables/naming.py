"""What the tables have in common: how constraints are named, what changes are counted by."""

from sqlalchemy import Column, DateTime, MetaData, text

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)

NEW_REVISION = text("new_revision()")
"""By the clock: none is used twice, also after a rollback, or a restore of the database."""

NOW = text("clock_timestamp()")


def instant(name: str, *, nullable: bool = True) -> "Column[object]":
    default = None if nullable else NOW
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)
