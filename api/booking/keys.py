"""Ids of appointments: unguessable, and the same for the same key of the same patient."""

import hmac
from hashlib import sha256
from uuid import UUID, uuid4


def appointment_id_of(secret: bytes, patient_id: UUID, key: str | None) -> UUID:
    """A retried POST finds what the first one began, also after every process was restarted.

    Keys are scoped to the patient, whose id has a fixed length, so that no two pairs collide.
    """
    if key is None:
        return uuid4()
    digest = hmac.digest(secret, patient_id.bytes + key.encode("ascii"), sha256)
    return UUID(bytes=digest[:16], version=4)  # as random as one to all who lack the secret
