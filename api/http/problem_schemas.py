"""Problems, as they are described."""

from api.http.schemas import Body, Id, Instant


class FieldErrorBody(Body):
    """What is wrong with one field."""

    field: str
    message: str


class AlternativeBody(Body):
    """A slot that is free now."""

    doctor_id: Id
    date_time: Instant
    ends_at: Instant


class AffectedBody(Body):
    """One of the appointments that would fall outside."""

    appointment_id: Id
    date_time: Instant


class ProblemBody(Body):
    """A problem as RFC 9457 has it; `type` is a page that explains it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldErrorBody] | None = None
    appointment_id: Id | None = None
    patient_id: Id | None = None
    held_until: Instant | None = None
    alternatives: list[AlternativeBody] | None = None
    rule: str | None = None
    limit: str | int | None = None
    now: str | int | None = None
    digest: str | None = None
    visits: int | None = None
    held: int | None = None
    without_contact: int | None = None
    first: list[AffectedBody] | None = None
