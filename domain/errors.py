"""Every way in which the clinic says no.

Refused
├── DoctorNotFound · PatientNotFound · AppointmentNotFound · NoticeNotFound
├── MessageNotFound · ProxyNotFound · ClinicNotFound · ServiceNotFound
├── ExceptionNotFound · CampaignNotFound · ImportNotFound
├── VisitsAffected                            (shows them in a preview)
├── NotASlot · SlotTaken                      (offer alternatives)
├── AlreadyHeld · AlreadyBooked · PatientBusy (name the appointment in the way)
├── PatientExists (names the record) · HasVisits
├── TooManyHolds
├── HoldExpired · AlreadyCancelled · AlreadyConfirmed
├── ExtensionLimit · VersionMismatch · Changed · TooLate
├── NotConfirmed · OtherSpecialty · WrongState
├── RuleForbids                               (names the rule)
└── IdempotencyKeyReused

A refusal is final and quiet: it is an outcome of the process, not a fault of it.
Its docstring is the sentence a person reads.
"""

from typing import ClassVar

from domain.booking import Refusal


class Refused(Exception):
    """The clinic says no."""

    code: ClassVar[str] = "refused"

    def __init__(self, refusal: Refusal | None = None) -> None:
        super().__init__(self.__doc__)
        self.refusal = refusal or Refusal(code=self.code)


class DoctorNotFound(Refused):
    """There is no such doctor."""

    code = "doctor_not_found"


class PatientNotFound(Refused):
    """There is no such patient."""

    code = "patient_not_found"


class AppointmentNotFound(Refused):
    """There is no such appointment."""

    code = "appointment_not_found"


class NoticeNotFound(Refused):
    """There is no such notice in this doctor's inbox."""

    code = "notice_not_found"


class ImportNotFound(Refused):
    """There is no such import."""

    code = "import_not_found"


class MessageNotFound(Refused):
    """There is no such message, or its record is kept no longer."""

    code = "message_not_found"


class NotASlot(Refused):
    """The doctor has no slot then: off the grid, outside the shifts or in the past."""

    code = "not_a_slot"


class AlreadyHeld(Refused):
    """You are already holding this very slot: confirm or cancel that appointment."""

    code = "already_held"


class AlreadyBooked(Refused):
    """You already have a confirmed appointment in this very slot."""

    code = "already_booked"


class TooManyHolds(Refused):
    """You are holding as many slots as you may, or have let this one go too often."""

    code = "too_many_holds"


class PatientBusy(Refused):
    """You have another appointment that overlaps this time."""

    code = "patient_busy"


class SlotTaken(Refused):
    """Another patient has taken this slot."""

    code = "slot_taken"


class HoldExpired(Refused):
    """The hold has lapsed and the slot is free for others: hold a slot again."""

    code = "hold_expired"


class AlreadyCancelled(Refused):
    """The appointment has been cancelled."""

    code = "already_cancelled"


class AlreadyConfirmed(Refused):
    """The appointment is already confirmed."""

    code = "already_confirmed"


class ExtensionLimit(Refused):
    """The hold has been extended as often as it may be."""

    code = "extension_limit"


class VersionMismatch(Refused):
    """The appointment has changed since this version: read it again."""

    code = "version_mismatch"


class Changed(Refused):
    """It is no longer as you saw it: read it again, nothing was done."""

    code = "changed"


class PatientExists(Refused):
    """There is a record of this patient already."""

    code = "patient_exists"


class HasVisits(Refused):
    """The patient has an appointment ahead: cancel it first."""

    code = "has_visits"


class ProxyNotFound(Refused):
    """There is no such proxy of this patient."""

    code = "proxy_not_found"


class ClinicNotFound(Refused):
    """There is no such clinic."""

    code = "clinic_not_found"


class ServiceNotFound(Refused):
    """There is no such service, or this doctor does not offer it."""

    code = "service_not_found"


class ExceptionNotFound(Refused):
    """There is no such exception."""

    code = "exception_not_found"


class CampaignNotFound(Refused):
    """There is no such campaign."""

    code = "campaign_not_found"


class VisitsAffected(Refused):
    """Appointments would fall outside of this: look at the preview, nothing was done."""

    code = "visits_affected"


class TooLate(Refused):
    """The appointment has already started: call the clinic."""

    code = "too_late"


class NotConfirmed(Refused):
    """Only a confirmed appointment can be moved: this one is not, or not any more."""

    code = "not_confirmed"


class OtherSpecialty(Refused):
    """That doctor has another specialty: book another appointment."""

    code = "other_specialty"


class WrongState(Refused):
    """That cannot be said of the appointment now: it is too early, or it stands otherwise."""

    code = "wrong_state"


class RuleForbids(Refused):
    """A rule of the clinic does not allow this online: call the clinic."""

    code = "rule"


class IdempotencyKeyReused(Refused):
    """This Idempotency-Key was used for another booking: send a new key."""

    code = "idempotency_key_reused"


REFUSALS: dict[str, type[Refused]] = {kind.code: kind for kind in Refused.__subclasses__()}


def refused(refusal: Refusal) -> Refused:
    """The exception of a refusal that crossed a process as a value."""
    return REFUSALS[refusal.code](refusal)
