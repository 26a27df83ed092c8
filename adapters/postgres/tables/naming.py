"""What the tables have in common: how constraints are named, what changes are counted by."""

from sqlalchemy import Column, DateTime, MetaData, Sequence, text

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


def instant(name: str, *, nullable: bool = True) -> "Column[object]":
    default = None if nullable else NOW
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)
