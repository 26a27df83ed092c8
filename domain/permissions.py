"""Who may do what: one table, and one function that reads it.

`RIGHTS` is the table of docs/authorisation.md. A list applies the same right to each of its rows:
`visible` says to which.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.actors import Actor, Role


class Action(StrEnum):
    """What somebody may want to do, as docs/authorisation.md calls it."""

    LOOK_AROUND = "directory, services, a day of a doctor, signed links, receipts, health, docs"
    SEE_SELF = "see who one is"
    BOOK = "hold a slot"
    CHANGE_VISIT = "confirm, extend, cancel or reschedule an appointment"
    EXCHANGE_VISITS = "exchange two appointments"
    READ_VISIT = "read an appointment and its history"
    LIST_VISITS = "a patient's appointments and waiting entries"
    REGISTER_PATIENT = "make a patient's record"
    FIND_PATIENTS = "search for patients"
    READ_PATIENT = "read a patient's record"
    CHANGE_PATIENT = "change a patient's record, consents, proxies"
    READ_CONSENTS = "read a patient's consents"
    REMOVE_PATIENT = "merge or erase a patient"
    MARK_ATTENDANCE = "arrive, complete, no-show, and back"
    NOTICES = "a doctor's notices"
    READ_CLINIC = "read services, plans, exceptions"
    READ_IMPORT = "read an import"
    CHANGE_CLINIC = "change services, plans, exceptions, doctors; imports"
    ASK_EXCEPTION = "ask for an exception"
    READ_CAMPAIGN = "read a campaign"
    RUN_CAMPAIGN = "withdraw an exception; pause, resume, stop a campaign"
    MAKE_CLINIC = "make a clinic"
    READ_RULES = "read a clinic's rules"
    CHANGE_RULES = "change a clinic's rules"
    SEE_DAY = "a doctor's day with its patients"
    SEE_DESK = "the reception's desk"
    CLOSE_HOURS = "close hours of a doctor's day, at the desk"
    OPERATIONS = "`/ops`, audits of bookings"
    METRICS = "`/metrics`"
    READ_PAYLOADS = "what runs hold in Temporal, decoded"
    AUDIT = "the audit trail"


class Scope(StrEnum):
    """Of what a role may do it."""

    ALL = "all"
    OWN = "own, and of those they are proxy for"
    CLINIC = "of their clinics"
    OWN_DAYS = "of their own days"
    ROWS_OF_CLINIC = "those of their clinics"
    ROWS_OF_DAYS = "those of their own days"
    ALL_WITHOUT_NAMES = "yes, without names"


def _desk(scope: Scope) -> dict[Role, Scope]:
    return {Role.RECEPTION: scope, Role.MANAGER: scope}


_VISIT = {Role.PATIENT: Scope.OWN, **_desk(Scope.CLINIC)}
_RECORD = {Role.PATIENT: Scope.OWN, **_desk(Scope.ALL)}
_SETUP = {**_desk(Scope.CLINIC), Role.DOCTOR: Scope.OWN_DAYS}

RIGHTS: dict[Action, dict[Role, Scope]] = {
    Action.SEE_SELF: dict.fromkeys(Role, Scope.ALL),
    Action.BOOK: _VISIT,
    Action.CHANGE_VISIT: _VISIT,
    Action.EXCHANGE_VISITS: _desk(Scope.CLINIC),
    Action.READ_VISIT: {**_VISIT, Role.DOCTOR: Scope.OWN_DAYS},
    Action.LIST_VISITS: {
        Role.PATIENT: Scope.OWN,
        **_desk(Scope.ROWS_OF_CLINIC),
        Role.DOCTOR: Scope.ROWS_OF_DAYS,
    },
    Action.REGISTER_PATIENT: {Role.PATIENT: Scope.ALL, **_desk(Scope.ALL)},
    Action.FIND_PATIENTS: _desk(Scope.ALL),
    Action.READ_PATIENT: {**_RECORD, Role.DOCTOR: Scope.OWN_DAYS},
    Action.CHANGE_PATIENT: _RECORD,
    Action.READ_CONSENTS: _RECORD,
    Action.REMOVE_PATIENT: {Role.MANAGER: Scope.ALL},
    Action.MARK_ATTENDANCE: {**_desk(Scope.CLINIC), Role.DOCTOR: Scope.OWN_DAYS},
    Action.NOTICES: _SETUP,
    Action.READ_CLINIC: _SETUP,
    Action.READ_IMPORT: _SETUP,
    Action.CHANGE_CLINIC: {Role.MANAGER: Scope.CLINIC},
    Action.ASK_EXCEPTION: {Role.MANAGER: Scope.CLINIC, Role.DOCTOR: Scope.OWN_DAYS},
    Action.READ_CAMPAIGN: _SETUP,
    Action.RUN_CAMPAIGN: {Role.MANAGER: Scope.CLINIC},
    Action.MAKE_CLINIC: {Role.MANAGER: Scope.ALL},
    Action.READ_RULES: _SETUP,
    Action.CHANGE_RULES: {Role.MANAGER: Scope.CLINIC},
    Action.SEE_DAY: _SETUP,
    Action.SEE_DESK: _desk(Scope.CLINIC),
    Action.CLOSE_HOURS: _desk(Scope.CLINIC),
    Action.OPERATIONS: {
        Role.MANAGER: Scope.CLINIC,
        Role.OPERATIONS: Scope.ALL_WITHOUT_NAMES,
    },
    Action.METRICS: {
        Role.MANAGER: Scope.ALL_WITHOUT_NAMES,
        Role.OPERATIONS: Scope.ALL_WITHOUT_NAMES,
    },
    Action.READ_PAYLOADS: {Role.OPERATIONS: Scope.ALL_WITHOUT_NAMES},
    Action.AUDIT: {
        Role.PATIENT: Scope.OWN,
        Role.MANAGER: Scope.ROWS_OF_CLINIC,
        Role.OPERATIONS: Scope.ALL_WITHOUT_NAMES,
    },
}
"""A role that is not named may never. `LOOK_AROUND` is for whoever asks."""

OF_PUBLIC_THINGS = {
    Action.BOOK,
    Action.READ_CLINIC,
    Action.CHANGE_CLINIC,
    Action.ASK_EXCEPTION,
    Action.CLOSE_HOURS,
}
"""What staff are refused about another clinic's doctor: everybody sees that there is one."""


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Whose the thing is; what is not known of it is null."""

    patient_id: UUID | None = None
    practitioner_id: UUID | None = None
    clinic_id: UUID | None = None


LetIn = Callable[[Whose], object]
"""Raises a refusal where the thing is not for the caller."""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """Yes, acting in this role."""

    role: Role
    scope: Scope = Scope.ALL


@dataclass(frozen=True)
class Forbidden:
    """This caller may not do it: 403, whatever the id."""


@dataclass(frozen=True)
class Hidden:
    """It is somebody else's: answered as if there were no such thing."""


Answer = Allowed | Forbidden | Hidden


def may(actor: Actor, action: Action, facts: Whose) -> Answer:
    """Whether `actor` may do it to the thing that `facts` are of; the first role that may does."""
    if actor.is_anyone:
        return Allowed(role=Role.OPERATOR)
    rights = rights_of(actor, action)
    for role, scope in rights.items():
        if _reaches(actor, scope, facts):
            return Allowed(role=role, scope=scope)
    is_public = action in OF_PUBLIC_THINGS and any(role.is_staff for role in rights)
    return Hidden() if rights and not is_public else Forbidden()


def may_ever(actor: Actor, action: Action) -> bool:
    """Whether a role of the actor may do it at all, whatever it is done to."""
    is_open = actor.is_anyone or action is Action.SEE_SELF
    return is_open or bool(rights_of(actor, action))


def rights_of(actor: Actor, action: Action) -> dict[Role, Scope]:
    """What the actor's roles may, the strongest role first."""
    given = RIGHTS[action]
    return {role: given[role] for role in Role if role in actor.roles and role in given}


@dataclass(frozen=True, kw_only=True)
class Visible:
    """Which rows of a list somebody sees: all, or those of any of these."""

    everything: bool = False
    patient_ids: frozenset[UUID] = frozenset()
    practitioner_ids: frozenset[UUID] = frozenset()
    clinic_ids: frozenset[UUID] = frozenset()

    @property
    def clinics(self) -> frozenset[UUID] | None:
        """For a list that is of clinics alone: those of these, null for all."""
        return None if self.everything else self.clinic_ids


def visible(actor: Actor, action: Action) -> Visible:
    """The same rights as `may` gives, as what a list of things is narrowed to."""
    scopes = set(rights_of(actor, action).values())
    own = actor.practitioner_id
    sees_days = scopes & {Scope.OWN_DAYS, Scope.ROWS_OF_DAYS} and own is not None
    sees_clinics = scopes & {Scope.CLINIC, Scope.ROWS_OF_CLINIC}
    return Visible(
        everything=actor.is_anyone or bool(scopes & {Scope.ALL, Scope.ALL_WITHOUT_NAMES}),
        patient_ids=actor.patients if Scope.OWN in scopes else frozenset(),
        practitioner_ids=frozenset({own}) if sees_days and own else frozenset(),
        clinic_ids=actor.clinic_ids if sees_clinics else frozenset(),
    )


def _reaches(actor: Actor, scope: Scope, facts: Whose) -> bool:
    match scope:
        case Scope.OWN:
            return facts.patient_id in actor.patients
        case Scope.CLINIC:
            return facts.clinic_id in actor.clinic_ids
        case Scope.OWN_DAYS:
            own = actor.practitioner_id
            return own is not None and facts.practitioner_id == own
        case Scope.ROWS_OF_CLINIC:  # a list's rows are chosen by `visible`; one of them is here
            return facts.clinic_id is None or facts.clinic_id in actor.clinic_ids
        case _:
            return True
