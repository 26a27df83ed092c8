"""A plan can be kept as a draft: nobody can book by it until it is published."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.clinic_rows import Clinic
from tests.integration.manager import Manager, values
from tests.integration.test_doctor_plans import (
    AFTERNOONS,
    DAY,
    EMPTY,
    MORNINGS,
    Desk,
    at,
    on_duty_soon,
)

DRAFT = {name: value for name, value in MORNINGS.items() if name != "version"}


@pytest.fixture
async def desk(api: str, clinic: Clinic) -> AsyncIterator[Desk]:
    await on_duty_soon(clinic)
    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        yield Desk(http, clinic)


async def draft(desk: Desk, method: str = "GET", body: object = None) -> dict[str, Any]:
    path = f"/doctors/{desk.clinic.doctor_id}/plan/draft"
    answer = await desk.http.request(method, path, json=body)
    told: dict[str, Any] = answer.json()
    return told


async def test_nobody_can_book_by_a_draft_and_the_plan_knows_nothing_of_it(desk: Desk) -> None:
    before, free = await draft(desk), await desk.free()

    kept = await draft(desk, "PUT", DRAFT | {"version": 0})

    assert before == EMPTY
    assert kept == await draft(desk) == DRAFT | {"version": 1}
    assert (await desk.plan(), await desk.free()) == (EMPTY, free)


async def test_a_draft_is_kept_over_the_one_that_was_seen_alone(desk: Desk) -> None:
    await draft(desk, "PUT", DRAFT | {"version": 0})
    other = DRAFT | {"weekly": AFTERNOONS["weekly"]}

    unseen = await draft(desk, "PUT", other | {"version": 0})
    seen = await draft(desk, "PUT", other | {"version": 1})
    dropped = await draft(desk, "DELETE")
    gone = await draft(desk, "PUT", other | {"version": 2})

    assert (unseen["code"], gone["code"]) == ("changed", "changed")
    assert (seen["version"], seen["weekly"]) == (2, AFTERNOONS["weekly"])
    assert dropped == await draft(desk) == EMPTY


async def test_what_is_published_is_no_draft_any_more_and_another_plan_leaves_it(
    desk: Desk,
) -> None:
    await draft(desk, "PUT", DRAFT | {"version": 0})

    await desk.put(AFTERNOONS)
    left = await draft(desk)
    await desk.put(MORNINGS | {"version": 1})

    assert left["weekly"] == MORNINGS["weekly"]
    assert await draft(desk) == EMPTY
    assert (await desk.free())[0] == "06:00"


HOURS = {
    "weekday": "1",
    "from": "10:00",
    "until": "24:00",
    "everyWeeks": "1",
    "effectiveFrom": str(DAY),
    "version": "0",
    "draftVersion": "0",
}


async def test_a_manager_keeps_a_draft_looks_at_what_it_would_do_and_publishes_it(
    desk: Desk, manager: Manager
) -> None:
    place = f"/manage/doctors/{desk.clinic.doctor_id}"
    visit = await desk.clinic.book(at("09:00"))

    kept = await manager.sends(f"{place}/plan", HOURS | {"until": "23:00", "act": "keep"})
    doctor = await manager.sees(kept)
    hours, form = (
        await manager.sees(f"{place}/plan"),
        await manager.sees(f"{place}/plan?draft=true"),
    )
    typed = HOURS | {"draftVersion": values(form, "draftVersion")[0]}
    shown = await manager.sends(f"{place}/plan", typed | {"act": "preview"}, 200)
    changed = await draft(desk)
    plan = await desk.plan()
    again = {name: values(shown, name)[-1] for name in HOURS}
    published = await manager.sends(f"{place}/plan", again | {"digest": values(shown, "digest")[0]})

    assert "Nobody can book by it until you publish it." in doctor
    assert "10:00\N{EN DASH}23:00" in doctor
    assert "There is a draft of new hours." in hours
    assert "Publish these hours" in form
    assert 'name="until" value="23:00"' in form
    assert f"/reception/visits/{visit}" in shown
    assert changed["weekly"][0]["until"] == "24:00"
    assert plan == EMPTY
    assert published == f"{place}?note=asked"
    assert await draft(desk) == EMPTY
    assert "Draft of new hours" not in await manager.sees(published)


async def test_a_look_at_hours_that_affect_nobody_saves_nothing(
    desk: Desk, manager: Manager
) -> None:
    place = f"/manage/doctors/{desk.clinic.doctor_id}"

    shown = await manager.sends(f"{place}/plan", HOURS | {"act": "preview"}, 200)

    assert "Nobody has booked outside these hours." in shown
    assert await desk.plan() == EMPTY


async def test_a_draft_that_somebody_else_has_changed_is_not_written_over(
    desk: Desk, manager: Manager
) -> None:
    place = f"/manage/doctors/{desk.clinic.doctor_id}"
    await draft(desk, "PUT", DRAFT | {"version": 0})

    stale = await manager.sends(f"{place}/plan", HOURS | {"act": "keep"})
    deleted = await manager.sends(f"{place}/plan/draft/delete", {})
    page = await manager.sees(deleted)
    suggested = await manager.sees(f"{place}/plan?draft=true")

    assert stale == f"{place}/plan?note=changed"
    assert re.search("The draft is deleted", page)
    assert "Publish these hours" not in suggested
