"""What was read of a row, and of its visit: whether a row says anything new."""

import hashlib
from dataclasses import replace

from adapters.postgres.rows import Row
from domain.imports import Visit


def digest_of(visit: Visit) -> str:
    """Of the whole row."""
    told = replace(visit, line=0, stamp=None)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def digest_of_visit(digest: str, visit: Visit, doctor: Row) -> str:
    """Together with the row's: what the build before left in its place fits no row."""
    times = visit.starts_at.isoformat(), visit.ends_at.isoformat()
    told = (digest, str(doctor["id"]), *times, visit.status)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def says_nothing_new(visit: Visit, doctor: Row, before: Row) -> bool:
    """What the build before has read is noted anew: it told no visit from its row."""
    digest = digest_of(visit)
    noted = before["digest"], before["visit_digest"]
    return noted == (digest, digest_of_visit(digest, visit, doctor))


def says_the_same_of_the_visit(visit: Visit, doctor: Row, before: Row) -> bool:
    digest: str = before["digest"]
    noted: str | None = before["visit_digest"]
    return digest == digest_of(visit) or noted == digest_of_visit(digest, visit, doctor)
