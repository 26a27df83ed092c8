"""Problems: the only table of code to HTTP status, and what a caller can do about each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from api.http.public_path import public
from domain.documents import timestamp
from domain.errors import (
    REFUSALS,
    AlreadyBooked,
    AlreadyCancelled,
    AlreadyConfirmed,
    AlreadyHeld,
    AppointmentNotFound,
    Changed,
    DoctorNotFound,
    ExtensionLimit,
    HoldExpired,
    IdempotencyKeyReused,
    MessageNotFound,
    NotASlot,
    NoticeNotFound,
    PatientBusy,
    PatientNotFound,
    Refused,
    SlotTaken,
    TooLate,
    TooManyHolds,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
"""How soon a caller may try again after `unavailable`: a restarted server needs about as long."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of problem: its status, its title and the advice on its page."""

    code: str
    status: int
    title: str
    advice: str


def _refusal(kind: type[Refused], status: int, title: str, advice: str) -> Kind:
    return Kind(code=kind.code, status=status, title=title, advice=advice)


KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            code="malformed",
            status=422,
            title="The request is malformed",
            advice="Correct the fields that `errors` names and send the request again.",
        ),
        Kind(
            code="too_large",
            status=413,
            title="The body is too large",
            advice="Send at most 64 KiB.",
        ),
        _refusal(
            IdempotencyKeyReused,
            422,
            "The Idempotency-Key belongs to another booking",
            "Send a new key with every new booking; repeat a key only with the very same body.",
        ),
        _refusal(
            DoctorNotFound, 404, "No such doctor", "List the doctors with GET /api/v1/doctors."
        ),
        _refusal(PatientNotFound, 404, "No such patient", "Check the patient's id."),
        _refusal(
            AppointmentNotFound,
            404,
            "No such appointment",
            "Check the appointment's id; it came with the answer that held the slot.",
        ),
        _refusal(
            NoticeNotFound,
            404,
            "No such notice",
            "List the notices with GET /api/v1/doctors/{id}/notifications.",
        ),
        _refusal(
            MessageNotFound,
            404,
            "No such message",
            "Check the message's key: the Idempotency-Key of the SMS, or the Message-ID.",
        ),
        _refusal(
            NotASlot,
            422,
            "Not a slot of this doctor",
            "Take one of `alternatives`, or a free slot of GET /api/v1/doctors/{id}/schedule.",
        ),
        _refusal(
            AlreadyHeld,
            409,
            "You already hold this slot",
            "Confirm or cancel the appointment that `appointmentId` names, before `heldUntil`.",
        ),
        _refusal(
            AlreadyBooked,
            409,
            "You already have this visit",
            "Nothing is left to do: `appointmentId` names the visit.",
        ),
        _refusal(
            TooManyHolds,
            429,
            "Too many holds",
            "Confirm or cancel a hold, or wait as long as Retry-After says; use a new key then.",
        ),
        _refusal(
            PatientBusy,
            409,
            "You have another appointment then",
            "Choose another time, or cancel the appointment that `appointmentId` names.",
        ),
        _refusal(SlotTaken, 409, "The slot is taken", "Take one of `alternatives`."),
        _refusal(HoldExpired, 410, "The hold has lapsed", "Hold a slot again."),
        _refusal(
            AlreadyCancelled, 409, "The appointment is cancelled", "Hold a slot again to come."
        ),
        _refusal(
            AlreadyConfirmed,
            409,
            "The appointment is confirmed",
            "Nothing is left to do: a confirmed visit needs no more time.",
        ),
        _refusal(
            ExtensionLimit,
            409,
            "No more extensions",
            "Confirm before the hold lapses, or hold the slot again afterwards.",
        ),
        _refusal(
            Changed,
            409,
            "The appointment has changed",
            "Read the appointment again and, where it still fits, send its present `version`.",
        ),
        _refusal(TooLate, 409, "The visit has begun", "Call the clinic."),
        Kind(
            code="nobody",
            status=401,
            title="Nobody is signed in",
            advice="The pages are for demo patients only until there is sign-in: `make seed`.",
        ),
        Kind(
            code="foreign_form",
            status=403,
            title="A form or command of another site",
            advice="Send it from a page of this host, or from a front end that the operator has "
            "named in PRIYOM_ALLOWED_ORIGINS.",
        ),
        Kind(
            code="misdirected",
            status=421,
            title="Not a name of this server",
            advice="Call it by the host of PRIYOM_PUBLIC_URL.",
        ),
        Kind(
            code="not_found",
            status=404,
            title="No such page",
            advice="The calls of this API are listed at /docs.",
        ),
        Kind(
            code="method_not_allowed",
            status=405,
            title="Method not allowed",
            advice="The Allow header names the methods of this page.",
        ),
        Kind(
            code="unavailable",
            status=503,
            title="No answer in time",
            advice="The outcome is not known yet. Wait as long as Retry-After says; then read the "
            "appointment that `appointmentId` names, or send the same request with the same key.",
        ),
        Kind(
            code="internal",
            status=500,
            title="A fault of ours",
            advice="It is recorded under the answer's X-Request-Id. Tell the clinic that id.",
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """What is wrong with one field of a request."""

    field: str
    message: str


@dataclass(eq=False)
class Problem(Exception):
    """An answer that is a problem; `extras` are members of its document beside the usual ones."""

    code: str
    detail: str
    status: int | None = None
    extras: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return KINDS[self.code]

    @property
    def http_status(self) -> int:
        return self.status or self.kind.status

    def document(self) -> dict[str, object]:
        """The body, as RFC 9457 has it."""
        return {
            "type": public(f"/problems/{self.code}"),
            "title": self.kind.title,
            "status": self.http_status,
            "detail": self.detail,
            "code": self.code,
            **self.extras,
        }


class Malformed(Problem):
    """One field of the request, in its body, path, query or headers, cannot be understood."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(**vars(malformed([FieldError(field=name, message=message)])))


def malformed(errors: list[FieldError], *, status: int | None = None) -> Problem:
    """Several fields at once; `status` 400 where the body is no JSON at all, 415 for no JSON."""
    first = errors[0]
    return Problem(
        code="malformed",
        detail=f"{first.field}: {first.message}",
        status=status,
        extras={"errors": [{"field": e.field, "message": e.message} for e in errors]},
    )


def unavailable(*, appointment_id: object = None) -> Problem:
    """No answer in time; the appointment's id where something was begun under it."""
    return Problem(
        code="unavailable",
        detail="The clinic's servers did not answer in time; the request may still be carried out."
        if appointment_id
        else "The clinic's servers did not answer in time.",
        extras={"appointmentId": str(appointment_id)} if appointment_id else {},
        headers={"retry-after": str(RETRY_AFTER_SECONDS)},
    )


def problem_of(refused: Refused) -> Problem:
    """A refusal as an answer, with what helps the patient to go on."""
    refusal = refused.refusal
    if refusal.code not in KINDS:  # version_mismatch is the caller's outdated `version`
        return Malformed("version", str(refused))
    retry_after = refusal.retry_after_seconds
    return Problem(
        code=refusal.code,
        detail=(REFUSALS[refusal.code].__doc__ or "").strip(),
        extras=dict(_extras(refused)),
        headers={} if retry_after is None else {"retry-after": str(retry_after)},
    )


def _extras(refused: Refused) -> Iterator[tuple[str, object]]:
    refusal = refused.refusal
    if refusal.appointment_id is not None:
        yield "appointmentId", str(refusal.appointment_id)
    if refusal.held_until is not None:
        yield "heldUntil", timestamp(refusal.held_until)
    if isinstance(refused, NotASlot | SlotTaken):
        yield (
            "alternatives",
            [
                {
                    "doctorId": str(slot.doctor_id),
                    "dateTime": timestamp(slot.starts_at),
                    "endsAt": timestamp(slot.ends_at),
                }
                for slot in refusal.alternatives or []
            ],
        )
