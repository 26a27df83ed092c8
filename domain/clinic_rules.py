"""What a clinic lets patients do by themselves: how early, how late, how often.

Staff pass by giving a reason, which the history keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.actors import ActorRef, Role
from domain.booking import Refusal
from domain.durations import Duration, parse_duration, spelled
from domain.errors import RuleForbids

DEFAULT_REMINDERS = ("P3D", "P1D")

InPlace = Mapping[str, str | int | None]
"""Rules that stand in the place of the clinic's, under their names in the API.

They are those that are asked of one visit. What counts all of a patient's visits is the clinic's
alone.
"""


@dataclass(frozen=True, kw_only=True)
class ClinicRules:
    """Null where there is no limit.

    `no_show_after` counts from a visit's beginning, `reminders` back from it; `offer_lasts` is how
    long an offered time waits for its answer. A missed visit counts for `no_shows_within` from its
    beginning on; with `max_no_shows` that count, patients book by the desk alone.
    """

    book_notice: Duration | None = None
    cancel_notice: Duration | None = None
    move_notice: Duration | None = None
    horizon: Duration | None = None
    max_moves: int | None = None
    max_live_per_patient: int | None = None
    reminders: tuple[Duration, ...] = tuple(map(parse_duration, DEFAULT_REMINDERS))
    no_show_after: Duration | None = None
    max_no_shows: int | None = None
    no_shows_within: Duration | None = None
    offer_lasts: Duration | None = None
    specialties: Mapping[str, InPlace] = field(default_factory=dict)
    """By specialty; a rule that is not named there is the clinic's."""


NO_RULES = ClinicRules()


@dataclass(frozen=True, kw_only=True)
class RuledVisit:
    """What the rules ask of a visit that a patient wants to change; `now` by the database."""

    starts_at: datetime
    moves: int
    now: datetime
    zone: ZoneInfo
    rules: ClinicRules

    @property
    def cancel_until(self) -> datetime | None:
        return self._before(self.rules.cancel_notice)

    @property
    def move_until(self) -> datetime | None:
        return self._before(self.rules.move_notice)

    @property
    def may_cancel(self) -> bool:
        return self.cancel_until is None or self.now <= self.cancel_until

    @property
    def is_in_time_to_move(self) -> bool:
        return self.move_until is None or self.now <= self.move_until

    @property
    def moves_left(self) -> int | None:
        """Null where it may be moved as often as one likes."""
        most = self.rules.max_moves
        return None if most is None else max(0, most - self.moves)

    @property
    def has_moves_left(self) -> bool:
        return self.moves_left is None or self.moves_left > 0

    @property
    def may_move(self) -> bool:
        return self.is_in_time_to_move and self.has_moves_left

    def _before(self, notice: Duration | None) -> datetime | None:
        return None if notice is None else notice.before(self.starts_at, self.zone)


def rules_of(kept: Mapping[str, Any] | None, specialty: str | None = None) -> ClinicRules:
    """As the database keeps them, under their names in the API: for this specialty, or for all."""
    if kept is None:
        return NO_RULES
    specialties = kept.get("specialties") or {}
    kept = {**kept, **specialties.get(specialty, {})}
    offers = kept.get("offers") or {}
    return ClinicRules(
        book_notice=_duration(kept.get("bookNotice")),
        cancel_notice=_duration(kept.get("cancelNotice")),
        move_notice=_duration(kept.get("moveNotice")),
        horizon=_duration(kept.get("horizon")),
        max_moves=kept.get("maxMoves"),
        max_live_per_patient=kept.get("maxLivePerPatient"),
        reminders=tuple(map(parse_duration, kept.get("reminders", DEFAULT_REMINDERS))),
        no_show_after=_duration(kept.get("noShowAfter")),
        max_no_shows=kept.get("maxNoShows"),
        no_shows_within=_duration(kept.get("noShowsWithin")),
        offer_lasts=_duration(offers.get("lasts")),
        specialties=specialties,
    )


def rules_document(rules: ClinicRules) -> dict[str, object]:
    """The same, to be kept and to be read; of specialties only where one has its own."""
    own = {"specialties": dict(rules.specialties)} if rules.specialties else {}
    return {
        "bookNotice": _written(rules.book_notice),
        "cancelNotice": _written(rules.cancel_notice),
        "moveNotice": _written(rules.move_notice),
        "horizon": _written(rules.horizon),
        "maxMoves": rules.max_moves,
        "maxLivePerPatient": rules.max_live_per_patient,
        "reminders": [each.written for each in rules.reminders],
        "noShowAfter": _written(rules.no_show_after),
        "maxNoShows": rules.max_no_shows,
        "noShowsWithin": _written(rules.no_shows_within),
        "offers": {"lasts": _written(rules.offer_lasts)},
        **own,
    }


def passes_rules(by: ActorRef, reason: str | None) -> bool:
    """Staff with a reason, and the clinic's own processes."""
    if by.role is Role.SYSTEM:
        return True
    return reason is not None and (by.role.is_staff or by.role is Role.OPERATOR)


def refuse_time(rules: ClinicRules, starts_at: datetime, *, now: datetime, zone: ZoneInfo) -> None:
    """A time too soon, or too far ahead."""
    _refuse_short_notice("bookNotice", rules.book_notice, starts_at, now, zone)
    horizon = rules.horizon
    if horizon is not None and starts_at > horizon.after(now, zone):
        raise forbidden("horizon", horizon.written, spelled(starts_at - now))


def refuse_live_visits(rules: ClinicRules, live: int) -> None:
    """One more than a patient may have at this clinic."""
    most = rules.max_live_per_patient
    if most is not None and live >= most:
        raise forbidden("maxLivePerPatient", most, live)


def refuse_cancelling(visit: RuledVisit) -> None:
    """Too late for a patient, though the visit has not begun."""
    notice = visit.rules.cancel_notice
    _refuse_short_notice("cancelNotice", notice, visit.starts_at, visit.now, visit.zone)


def refuse_moving(visit: RuledVisit) -> None:
    """Too late, or once too often."""
    notice, most = visit.rules.move_notice, visit.rules.max_moves
    _refuse_short_notice("moveNotice", notice, visit.starts_at, visit.now, visit.zone)
    if most is not None and visit.moves >= most:
        raise forbidden("maxMoves", most, visit.moves)


def _refuse_short_notice(
    rule: str, notice: Duration | None, starts_at: datetime, now: datetime, zone: ZoneInfo
) -> None:
    if notice is not None and now > notice.before(starts_at, zone):
        raise forbidden(rule, notice.written, spelled(starts_at - now))


def forbidden(rule: str, limit: str | int, now: str | int) -> RuleForbids:
    """The refusal that names a rule of the clinic as the API does."""
    return RuleForbids(Refusal(code=RuleForbids.code, rule=rule, limit=limit, now=now))


def _duration(written: str | None) -> Duration | None:
    return None if written is None else parse_duration(written)


def _written(duration: Duration | None) -> str | None:
    return None if duration is None else duration.written
