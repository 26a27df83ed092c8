"""What a patient is offered in place of a slot that cannot be had."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import nsmallest
from itertools import chain
from uuid import UUID

from adapters.postgres.database import Connection
from adapters.postgres.openings import Openings, openings_of
from domain.booking import Alternative, Appointment
from domain.slot import Interval

NEAR = timedelta(days=1)
FAR = timedelta(days=7)


async def free_alternatives(  # noqa: PLR0913 - each is a part of the wish
    connection: Connection,
    *,
    patient_id: UUID,
    doctor_id: UUID,
    starts_at: datetime,
    limit: int = 5,
    service_id: UUID | None = None,
    moving: Appointment | None = None,
) -> list[Alternative]:
    """The nearest slots that are free now, for the doctor and for the patient, and long enough.

    `moving`: the visit that looks for another time, and does not stand in its own way.

    The same doctor's come first, then those of the same specialty and clinic. Nearly always
    the day around the wish has enough, and only that is looked at.
    """
    near = await openings_of(
        connection,
        [doctor_id],
        _around(starts_at, NEAR),
        patient_id=patient_id,
        with_colleagues=True,
        service_id=service_id,
        moving=moving,
    )
    offers = _nearest(near, starts_at, limit, moving)
    if not near or len(offers) == limit:
        return offers
    far = await openings_of(
        connection,
        [doctor_id, *near[0].colleagues],
        _around(starts_at, FAR),
        patient_id=patient_id,
        service_id=service_id,
        moving=moving,
    )
    own = [openings for openings in far if openings.desk.doctor_id == doctor_id]
    others = [openings for openings in far if openings.desk.doctor_id != doctor_id]
    offers = _nearest(own, starts_at, limit, moving)
    return offers + _nearest(others, starts_at, limit - len(offers), moving)


def _nearest(
    several: Iterable[Openings], wish: datetime, limit: int, moving: Appointment | None
) -> list[Alternative]:
    """The time at which a visit stands already is no other one."""
    stands = (moving.doctor_id, moving.starts_at) if moving else None
    every = chain.from_iterable(_offers(openings) for openings in several)
    offers = (offer for offer in every if (offer.doctor_id, offer.starts_at) != stands)
    return nsmallest(
        limit, offers, key=lambda offer: (abs(offer.starts_at - wish), offer.starts_at)
    )


def _offers(openings: Openings) -> Iterable[Alternative]:
    for slot in openings.free():
        yield Alternative(
            doctor_id=openings.desk.doctor_id, starts_at=slot.starts_at, ends_at=slot.ends_at
        )


def _around(instant: datetime, span: timedelta) -> Interval:
    return Interval(starts_at=instant - span, ends_at=instant + span)
