"""Who acts: a person by a token or a session, the system itself, or whoever where nobody signs in.

A caller of many roles acts in the one that lets him: `domain.permissions` says which.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID, uuid5

SUBJECTS = UUID("3c0b5f1e-8f0a-5d4e-9a35-5d0c6b2f7e11")
"""Namespace of the ids of those who are neither patient nor doctor (uuid5 of their subject)."""


class Role(StrEnum):
    """In what capacity somebody acts."""

    MANAGER = "manager"
    RECEPTION = "reception"
    DOCTOR = "doctor"
    OPERATIONS = "operations"
    PATIENT = "patient"
    OPERATOR = "operator"  # whoever calls while sign-in is off
    SYSTEM = "system"  # timers, audits, campaigns: nobody's command
    SQL = "sql"  # a hand in the database

    @property
    def is_staff(self) -> bool:
        return self in {Role.MANAGER, Role.RECEPTION, Role.DOCTOR, Role.OPERATIONS}


SIGNED_IN = (Role.MANAGER, Role.RECEPTION, Role.DOCTOR, Role.OPERATIONS, Role.PATIENT)
"""The roles that an issuer may give; the first that somebody has is the one he acts in."""


@dataclass(frozen=True, kw_only=True)
class ActorRef:
    """Who gave a command, as runs, rows and the audit keep it: an opaque id and a role.

    Events carry the role alone.
    """

    id: str
    role: Role

    @property
    def holder(self) -> UUID | None:
        """Who has the holds that this one begins, where it acts as a patient."""
        return UUID(self.id) if self.role is Role.PATIENT else None


SYSTEM = ActorRef(id="system", role=Role.SYSTEM)
OPERATIONS = ActorRef(id="operations", role=Role.OPERATIONS)
"""Whoever stops a run in Temporal itself."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A caller: who it is at the issuer, and who it is here.

    `proxy_for` are the patients that this one may act for, beside itself. `at_desk`: it is the
    clinic's own page that commands, which tells while sign-in is off.
    """

    subject: str
    roles: frozenset[Role]
    patient_id: UUID | None = None
    practitioner_id: UUID | None = None
    clinic_ids: frozenset[UUID] = frozenset()
    proxy_for: frozenset[UUID] = frozenset()
    at_desk: bool = False

    @property
    def holder(self) -> UUID | None:
        """Who has a hold, where it is no member of staff: holds are counted by it."""
        return self.ref.holder

    @property
    def role(self) -> Role:
        """The role acted in, where a permission does not choose another."""
        return next((role for role in SIGNED_IN if role in self.roles), Role.OPERATOR)

    @property
    def is_anyone(self) -> bool:
        """Sign-in is off: the caller may do anything, and is nobody in particular."""
        return Role.OPERATOR in self.roles

    @property
    def patients(self) -> frozenset[UUID]:
        """Whom this one may act for as a patient."""
        own = () if self.patient_id is None else (self.patient_id,)
        return self.proxy_for.union(own)

    def acting_as(self, role: Role) -> "Actor":
        return replace(self, roles=frozenset({role}))

    @property
    def ref(self) -> ActorRef:
        """An issuer's subject may be a name, so that it stays out of runs and events."""
        known = {Role.PATIENT: self.patient_id, Role.DOCTOR: self.practitioner_id}
        own = known.get(self.role) or uuid5(SUBJECTS, self.subject)
        return ActorRef(id=str(own), role=self.role)

    def ref_for(self, patient_id: UUID) -> ActorRef:
        """Of a patient's command: with sign-in off the patient is who the body names."""
        if self.is_anyone and not self.at_desk:
            return ActorRef(id=str(patient_id), role=Role.PATIENT)
        return self.ref


ANYONE = Actor(subject="operator", roles=frozenset({Role.OPERATOR}))
"""The caller while sign-in is off."""
