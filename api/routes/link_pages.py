"""The page behind a link in a message: say that one comes, move the visit, cancel it.

Nobody signs in here, and a GET changes nothing: mail scanners open links.
"""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from adapters.postgres.offers import visit_of_offer
from adapters.postgres.openings import openings_of
from adapters.postgres.promise import promise
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.silence import policy_of_silence
from adapters.postgres.visits import visit
from api.booking.commands import Commands
from api.booking.move import Moves
from api.booking.move_order import MoveOrder
from api.booking.taken_offers import visit_that_took
from api.booking.temporal_errors import NoAnswer
from api.dependencies import CommandsDep, DatabaseDep, LinkKeyDep, MovesDep
from api.http.actor import FOR_ANYBODY
from api.http.dates import LocalDate
from api.http.problems import Malformed, Problem
from api.http.refusals import note_refusal
from api.http.schemas import Instant, Text
from api.page.days import nearest, window_of
from api.page.forms import see
from api.page.moving import Wish, day_parts_of, where_to
from api.page.own_visits import Opened, opened_link
from api.page.rendering import page
from api.page.visitor import Anybody, Visitor
from domain.booking import CancelReason, Status
from domain.errors import Refused
from domain.plan_exceptions import Policy
from domain.slot import Interval, day_of
from domain.visit_links import form_token, is_form_of, link_to, token_of
from domain.zones import zone_named

SHOWN = 12
"""Free times that are offered, the nearest to the old one first."""

router = APIRouter(prefix="/v", include_in_schema=False, dependencies=[FOR_ANYBODY])


@router.get("/{token}")
async def show(  # noqa: PLR0913 - each is a part of the request
    *,
    token: str,
    visitor: Anybody,
    database: DatabaseDep,
    key: LinkKeyDep,
    said: Annotated[Text | None, Query()] = None,
    to: Annotated[Instant | None, Query()] = None,
) -> Response:
    """What is true now; what can be done, if the link is of this state. `to`: a time chosen."""
    opened = await opened_link(database, key, token)
    chosen = to if _may_move(opened) else None
    silence = await _silence_about(opened, database)
    return _shown(visitor, opened, key, said=said, chosen=chosen, silence=silence)


@router.get("/{token}/times")
async def other_times(
    token: str,
    visitor: Anybody,
    database: DatabaseDep,
    key: LinkKeyDep,
    day: Annotated[LocalDate | None, Query(alias="date")] = None,
) -> Response:
    """The calendar of a booking without this visit, with the same doctor, who is not named."""
    opened = await opened_link(database, key, token)
    if not _may_move(opened):
        return see(f"/v/{token}")
    found = await where_to(database, opened.visit, Wish(day=day))
    parts = await day_parts_of(database, found, names_others=False)
    answer = page(visitor, "link_times.html", found=found, parts=parts, token=token)
    return _unkept(answer)


@router.post("/{token}")
async def act(  # noqa: PLR0911, PLR0913 - each is a part of the request, or an answer
    *,
    token: str,
    visitor: Anybody,
    database: DatabaseDep,
    key: LinkKeyDep,
    commands: CommandsDep,
    moves: MovesDep,
    action: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    at: Annotated[Instant | None, Form()] = None,
) -> Response:
    """As the patient, by the same ways as elsewhere. A form of no page of ours is refused."""
    opened = await opened_link(database, key, token)
    if not is_form_of(key, token, form, now=datetime.now(UTC)):
        raise Problem(code="foreign_form", detail="Open the link again, and use its page.")
    if action not in {"promise", "cancel", "move", "accept"}:
        raise Malformed("action", "must be promise, cancel, move or accept")
    if opened.is_offer and opened.can_act:
        return await _about_an_offer(visitor, opened, database, key, commands, action)
    if action == "promise":
        return await _promised(visitor, opened, database, key)
    if not opened.can_act or action == "accept":
        return await _too_late(visitor, opened, database, key, action, at)
    at = at if action == "move" else None
    if action == "move" and at is None:
        return _shown(visitor, opened, key, times=await _times(database, opened))
    try:
        version = await _done(opened, commands, moves, at)
    except Refused as refused:
        note_refusal(refused, appointment_id=opened.link.appointment_id)
        now = await opened_link(database, key, token)
        times = await _times(database, now, at) if at and now.can_act else None
        said, rule = refused.refusal.code, refused.refusal.rule
        return _shown(visitor, now, key, said=said, rule=rule, times=times, status=409)
    except NoAnswer:
        return see(f"/v/{token}?said=unavailable")
    return see(f"/v/{_token_now(key, opened, version, at)}?said={action}")


async def _too_late(  # noqa: PLR0913, PLR0917 - who asked for what
    visitor: Visitor,
    opened: Opened,
    database: DatabaseDep,
    key: bytes,
    action: str,
    at: datetime | None,
) -> Response:
    """Who presses twice reads what the first time has done, not that nothing was changed."""
    if action == "accept" and (seen := await visit_that_took(database, opened.visit.appointment)):
        return await _led_to(seen.appointment.appointment_id, database, key, said="?said=move")
    return _shown(visitor, opened, key, said=_why_not(opened, action, at), status=409)


def _why_not(opened: Opened, action: str, at: datetime | None) -> str:
    booked = opened.visit.appointment
    if action == "cancel" and booked.status is Status.CANCELLED:
        return "already_cancelled"
    has_moved = booked.status is Status.CONFIRMED and at == booked.starts_at
    return "move" if action == "move" and has_moved else "changed"


async def _promised(
    visitor: Visitor, opened: Opened, database: DatabaseDep, key: bytes
) -> Response:
    """Nobody is thanked whose visit has changed under the page."""
    link = opened.link
    if await promise(database, link.appointment_id, link.version, opened.actor.ref):
        return see(f"/v/{opened.token}?said=promised")
    now = await opened_link(database, key, opened.token)
    return _shown(visitor, now, key, said="changed", status=409)


async def _about_an_offer(  # noqa: PLR0913, PLR0917 - who sees what
    visitor: Visitor,
    opened: Opened,
    database: DatabaseDep,
    key: bytes,
    commands: Commands,
    action: str,
) -> Response:
    """Taken, or left for the page of the visit itself, where another time is chosen."""
    offer_id, said = opened.link.appointment_id, ""
    if action == "accept":
        try:
            await commands.confirm(offer_id, opened.actor)
            said = "?said=move"
        except Refused as refused:
            note_refusal(refused, appointment_id=offer_id)
            now = await opened_link(database, key, opened.token)
            said, silence = refused.refusal.code, await _silence_about(now, database)
            return _shown(visitor, now, key, said=said, silence=silence, status=409)
        except NoAnswer:
            return see(f"/v/{opened.token}?said=unavailable")
    visit_id = await read_by_cursor(database, partial(visit_of_offer, offer_id=offer_id))
    return await _led_to(visit_id or offer_id, database, key, said=said)


async def _led_to(visit_id: UUID, database: DatabaseDep, key: bytes, *, said: str) -> Response:
    """By a link of the state that the visit is in now."""
    found = await read(database, lambda connection: visit(connection, visit_id))
    if found is None:
        raise Problem(code="not_found", detail="This link is not valid, or not any more.")
    booked = found.appointment
    link = link_to(booked.appointment_id, booked.version or 1, found.during.ends_at)
    return see(f"/v/{token_of(key, link)}{said}")


async def _silence_about(opened: Opened, database: DatabaseDep) -> Policy | None:
    """What it leads to, while the offer is open."""
    if not opened.is_offer:
        return None
    offer_id = opened.link.appointment_id
    return await read_by_cursor(database, partial(policy_of_silence, offer_id=offer_id))


async def _done(opened: Opened, commands: Commands, moves: Moves, at: datetime | None) -> int:
    """The version that a move, or without a time a cancellation, has made."""
    link = opened.link
    if at is None:
        reason = CancelReason.PATIENT_REQUEST
        done = await commands.cancel(link.appointment_id, reason, link.version, by=opened.actor)
    else:
        order = MoveOrder(
            appointment_id=link.appointment_id,
            version=link.version,
            starts_at=at,
            by=opened.actor,
        )
        done = (await moves.move(order)).appointment
    return done.version or link.version


def _token_now(key: bytes, opened: Opened, version: int, at: datetime | None) -> str:
    """The link of the state that the visit is in now, as the next message has it."""
    ends_at = max(filter(None, (at, opened.visit.during.ends_at)))
    return token_of(key, link_to(opened.link.appointment_id, version, ends_at))


async def _times(
    database: DatabaseDep, opened: Opened, lost: datetime | None = None
) -> list[Interval]:
    """Free times of the same doctor near the visit's, or near the one that was lost."""
    booked = opened.visit.appointment
    zone = zone_named(opened.visit.time_zone)
    wish = lost or booked.starts_at
    window = window_of(day_of(max(opened.visit.now, wish), zone), zone)
    window = replace(window, starts_at=opened.visit.now)

    found = await read(
        database,
        lambda connection: openings_of(
            connection,
            [booked.doctor_id],
            window,
            patient_id=booked.patient_id,
            moving=booked,
        ),
    )
    free = [slot for each in found for slot in each.free() if slot.starts_at != booked.starts_at]
    return nearest(free, wish, most=SHOWN)


def _shown(  # noqa: PLR0913 - what the page says
    visitor: Visitor,
    opened: Opened,
    key: bytes,
    *,
    said: str | None = None,
    rule: str | None = None,
    times: list[Interval] | None = None,
    chosen: datetime | None = None,
    silence: Policy | None = None,
    status: int = 200,
) -> Response:
    form = form_token(key, opened.token, now=datetime.now(UTC)) if opened.can_act else ""
    answer = page(
        visitor,
        "link.html",
        status=status,
        visit=opened.visit,
        token=opened.token,
        form=form,
        said=said,
        rule=rule,
        times=times,
        chosen=chosen,
        silence=silence,
        is_offer=opened.visit.appointment.origin == "offer",
    )
    return _unkept(answer)


def _may_move(opened: Opened) -> bool:
    return opened.can_act and not opened.is_offer and opened.visit.ruled.may_move


def _unkept(answer: Response) -> Response:
    answer.headers["cache-control"] = "no-store"
    answer.headers["referrer-policy"] = "same-origin"
    answer.headers["x-robots-tag"] = "noindex"
    return answer
