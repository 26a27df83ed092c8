"""The contract of booking in a hundred lines: what each call answers, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_HOLDS = 2
MAX_EXTENSIONS = 2


@dataclass(frozen=True)
class Slot:
    """A slot as patients speak of it; minutes count from the beginning of the day."""

    name: str
    doctor: str
    practitioner: str
    begins: int
    lasts: int = 30

    def overlaps(self, other: "Slot") -> bool:
        return self.begins < other.begins + other.lasts and other.begins < self.begins + self.lasts


@dataclass
class Visit:
    """What one hold has become; `told` is the answer that it was given, word for word.

    It was held at `wished`, and stands at `slot`.
    """

    id: str
    patient: str
    wished: Slot
    slot: Slot
    key: str | None
    told: str
    held_until: float
    status: str = "held"
    version: int = 1
    confirmed_as: int | None = None
    extended: dict[int, str] = field(default_factory=dict)
    moved_as: list[int] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        return self.status in {"held", "confirmed"}

    def becomes(self, status: str) -> None:
        if status != self.status:
            self.status, self.version = status, self.version + 1
            self.confirmed_as = self.version if status == "confirmed" else self.confirmed_as


@dataclass(frozen=True)
class Answer:
    """An HTTP status with the word for it: the appointment's status, or the refusal's code.

    `about` are the visits of which a refusal names one, `again` the body that was given before.
    """

    http: int
    word: str
    about: frozenset[str] = frozenset()
    again: str | None = None

    def __str__(self) -> str:
        return f"{self.http} {self.word}"


ENDED = {
    "confirmed": Answer(409, "already_confirmed"),
    "cancelled": Answer(409, "already_cancelled"),
    "expired": Answer(410, "hold_expired"),
}


class Contract:
    """The visits of one day, the newest last."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []

    def live(self, *, of: str | None = None) -> Iterator[Visit]:
        return (v for v in self.visits if v.is_live and of in {v.patient, None})

    def holds(self, *, of: str | None = None) -> list[Visit]:
        return [visit for visit in self.live(of=of) if visit.status == "held"]

    def state_of(self, slot: Slot) -> str:
        """What everybody sees: a doctor who is busy in one clinic is busy in the other."""
        in_the_way = {
            visit.status
            for visit in self.live()
            if visit.slot.practitioner == slot.practitioner and visit.slot.overlaps(slot)
        }
        return "booked" if "confirmed" in in_the_way else "held" if in_the_way else "free"

    def hold(  # noqa: PLR0911 - one for each refusal, in the order of the contract
        self, patient: str, slot: Slot, key: str | None
    ) -> Answer:
        for bound in self.visits:
            if key and (bound.patient, bound.key) == (patient, key):
                if bound.wished != slot:
                    return Answer(422, "idempotency_key_reused")
                return Answer(201, "held", again=bound.told)
        for visit in self.live(of=patient):
            if visit.slot == slot:
                word = "already_held" if visit.status == "held" else "already_booked"
                return Answer(409, word, about=frozenset({visit.id}))
        if len(self.holds(of=patient)) >= MAX_HOLDS or self._lets_go_too_often(patient, slot):
            return Answer(429, "too_many_holds")
        if own := {visit.id for visit in self.live(of=patient) if visit.slot.overlaps(slot)}:
            return Answer(409, "patient_busy", about=frozenset(own))
        if self.state_of(slot) != "free":
            return Answer(409, "slot_taken")
        return Answer(201, "held")

    def _lets_go_too_often(self, patient: str, slot: Slot) -> bool:
        """A story is over before the pause is."""
        ended = [
            visit
            for visit in self.visits
            if (visit.patient, visit.slot, visit.confirmed_as) == (patient, slot, None)
            and visit.status in {"cancelled", "expired"}
        ]
        lapses = [visit for visit in ended if visit.status == "expired"]
        return len(ended) >= 5 or len(lapses) >= 2

    def confirm(self, visit: Visit) -> Answer:
        return Answer(200, "confirmed") if visit.is_live else ENDED[visit.status]

    def cancel(self, visit: Visit) -> Answer:
        return ENDED["expired"] if visit.status == "expired" else Answer(200, "cancelled")

    def move(self, visit: Visit, slot: Slot, version: int) -> Answer:
        if visit.status != "confirmed":
            code = "already_cancelled" if visit.status == "cancelled" else "not_confirmed"
            return Answer(409, code)
        if version <= visit.version and slot == visit.slot:
            return Answer(200, "confirmed")
        if version != visit.version:
            return Answer(409, "changed")
        others = [each for each in self.live() if each is not visit and each.slot.overlaps(slot)]
        if own := {other.id for other in others if other.patient == visit.patient}:
            return Answer(409, "patient_busy", about=frozenset(own))
        if any(other.slot.practitioner == slot.practitioner for other in others):
            return Answer(409, "slot_taken")
        return Answer(200, "confirmed")

    def extend(self, visit: Visit, version: int) -> Answer:
        if version in visit.extended:
            return Answer(200, "held", again=visit.extended[version])
        if visit.status != "held":
            return ENDED[visit.status]
        if version != visit.version:
            return Answer(422, "malformed")
        if len(visit.extended) == MAX_EXTENSIONS:
            return Answer(409, "extension_limit")
        return Answer(200, "held")

    def time_passes(self) -> None:
        for visit in self.holds():
            visit.becomes("expired")
