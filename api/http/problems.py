"""Problems: the only table of code to HTTP status, and what a caller can do about each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from api.http.public_path import public
from domain.documents import timestamp
from domain.errors import REFUSALS, NotASlot, Refused, SlotTaken

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


STATUSES_AND_TITLES = {
    "malformed": (422, "The request is malformed"),
    "too_large": (413, "The body is too large"),
    "idempotency_key_reused": (422, "The Idempotency-Key belongs to another booking"),
    "doctor_not_found": (404, "No such doctor"),
    "patient_not_found": (404, "No such patient"),
    "appointment_not_found": (404, "No such appointment"),
    "notice_not_found": (404, "No such notice"),
    "message_not_found": (404, "No such message"),
    "proxy_not_found": (404, "No such proxy"),
    "clinic_not_found": (404, "No such clinic"),
    "service_not_found": (404, "No such service"),
    "exception_not_found": (404, "No such exception"),
    "campaign_not_found": (404, "No such campaign"),
    "import_not_found": (404, "No such import"),
    "patient_exists": (409, "There is a record of this patient"),
    "has_visits": (409, "The patient has an appointment ahead"),
    "not_a_slot": (422, "Not a slot of this doctor"),
    "already_held": (409, "You already hold this slot"),
    "already_booked": (409, "You already have this appointment"),
    "too_many_holds": (429, "Too many holds"),
    "patient_busy": (409, "You have another appointment then"),
    "slot_taken": (409, "The slot is taken"),
    "hold_expired": (410, "The hold has lapsed"),
    "already_cancelled": (409, "The appointment is cancelled"),
    "already_confirmed": (409, "The appointment is confirmed"),
    "extension_limit": (409, "No more extensions"),
    "changed": (409, "It has changed"),
    "visits_affected": (409, "Appointments would fall outside"),
    "too_late": (409, "The appointment has started"),
    "unauthenticated": (401, "Not signed in"),
    "forbidden": (403, "Not for your role"),
    "too_many_requests": (429, "Too many requests"),
    "not_confirmed": (409, "The appointment is not confirmed"),
    "other_specialty": (422, "A doctor of another specialty"),
    "wrong_state": (409, "Not to be said of it now"),
    "rule": (409, "A rule of the clinic forbids it"),
    "nobody": (401, "Nobody is signed in"),
    "foreign_form": (403, "A form or command of another site"),
    "misdirected": (421, "Not a name of this server"),
    "not_found": (404, "No such page"),
    "method_not_allowed": (405, "Method not allowed"),
    "unavailable": (503, "No answer in time"),
    "internal": (500, "Internal error"),
}

ADVICE = {
    "malformed": "Correct the fields that `errors` names and send the request again.",
    "too_large": "Send at most 64 KiB, to POST /api/v1/imports at most 16 MiB.",
    "idempotency_key_reused": (
        "Send a new key with every new booking; repeat a key only with the very same body."
    ),
    "doctor_not_found": "List the doctors with GET /api/v1/doctors.",
    "patient_not_found": "Check the patient's id.",
    "appointment_not_found": (
        "Check the appointment's id; it came with the answer that held the slot."
    ),
    "notice_not_found": "List the notices with GET /api/v1/doctors/{id}/notifications.",
    "message_not_found": (
        "Check the message's key: the Idempotency-Key of the SMS, or the Message-ID."
    ),
    "proxy_not_found": "Read the patient's proxies with GET /api/v1/patients/{id}/proxies.",
    "clinic_not_found": "List the clinics with GET /api/v1/clinics.",
    "import_not_found": "Import ids come from POST /api/v1/imports.",
    "service_not_found": "List the services with GET /api/v1/services.",
    "exception_not_found": "Use the `exceptionId` of the answer that made it.",
    "campaign_not_found": "Use the `campaignId` of the answer that made the exception.",
    "patient_exists": "Use the record that `patientId` names.",
    "has_visits": "Cancel what is ahead, or wait until it is over.",
    "not_a_slot": (
        "Offer one of `alternatives`, or a free slot of GET /api/v1/doctors/{id}/schedule."
    ),
    "already_held": (
        "Confirm or cancel the appointment that `appointmentId` names, before `heldUntil`."
    ),
    "already_booked": "Nothing is left to do: `appointmentId` names the appointment.",
    "too_many_holds": (
        "Confirm or cancel a hold, or wait as long as Retry-After says; use a new key then."
    ),
    "patient_busy": "Choose another time, or cancel the appointment that `appointmentId` names.",
    "slot_taken": "Offer one of `alternatives`.",
    "hold_expired": "Hold a slot again.",
    "already_cancelled": "Hold a slot again to come.",
    "already_confirmed": "Nothing is left to do: a confirmed appointment needs no more time.",
    "extension_limit": "Confirm before the hold lapses, or hold the slot again afterwards.",
    "changed": "Read it again and, where it still fits, send its present `version`.",
    "visits_affected": (
        "Show the visits to a person; send the same again with `digest` to go on with them."
    ),
    "too_late": "Call the clinic.",
    "unauthenticated": (
        "Send an access token of the clinic's issuer as `Authorization: Bearer …`; one that has "
        "expired is renewed there."
    ),
    "forbidden": "Ask whoever gives out roles at the clinic; docs/authorisation.md has the table.",
    "too_many_requests": "Wait as long as Retry-After says.",
    "nobody": "The clinic makes a record for a new patient; then the pages are open to them.",
    "not_confirmed": "Confirm a hold before it is moved, or hold the other slot instead.",
    "other_specialty": (
        "Take a doctor of GET /api/v1/doctors?specialty= with the visit's specialty, or book anew."
    ),
    "wrong_state": (
        "Mark an arrival on the day of the visit, an end or an absence from its beginning on; "
        "undo what was marked first."
    ),
    "rule": (
        "`rule` names it, `limit` is its value, `now` what that was compared with: choose what it "
        "allows, or call the clinic, whose staff pass it by a `reason`."
    ),
    "foreign_form": (
        "Send it from a page of this host, or from a front end that the operator has named in "
        "PRIYOM_ALLOWED_ORIGINS."
    ),
    "misdirected": "Call it by the host of PRIYOM_PUBLIC_URL.",
    "not_found": "The calls of this API are listed at /docs.",
    "method_not_allowed": "The Allow header names the methods of this page.",
    "unavailable": (
        "The outcome is not known yet. Wait as long as Retry-After says; then read the "
        "appointment that `appointmentId` names, or send the same request with the same key."
    ),
    "internal": "It is recorded under the answer's X-Request-Id. Tell the clinic that id.",
}
"""What a caller can do about it."""

KINDS = {
    code: Kind(code=code, status=status, title=title, advice=ADVICE[code])
    for code, (status, title) in STATUSES_AND_TITLES.items()
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

    def __init__(self, name: str, message: str, *, status: int | None = None) -> None:
        self.field = name
        error = FieldError(field=name, message=message)
        super().__init__(**vars(malformed([error], status=status)))


def malformed(errors: list[FieldError], *, status: int | None = None) -> Problem:
    """Several fields at once; `status` 400 where the body is no JSON at all, 415 for no JSON."""
    first = errors[0]
    return Problem(
        code="malformed",
        detail=f"{first.field}: {first.message}",
        status=status,
        extras={"errors": [{"field": e.field, "message": e.message} for e in errors]},
    )


LATE = "The clinic's servers did not answer in time."


def unavailable(*, appointment_id: object = None, detail: str = LATE) -> Problem:
    """No answer in time; the appointment's id where something was begun under it."""
    return Problem(
        code="unavailable",
        detail=f"{LATE[:-1]}; the request may still be carried out." if appointment_id else detail,
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
    if refusal.patient_id is not None:
        yield "patientId", str(refusal.patient_id)
    if refusal.held_until is not None:
        yield "heldUntil", timestamp(refusal.held_until)
    if refusal.rule is not None:
        yield from (("rule", refusal.rule), ("limit", refusal.limit), ("now", refusal.now))
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
