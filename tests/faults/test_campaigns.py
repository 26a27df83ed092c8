"""A leave of many visits while the worker and Temporal die by turns: nobody is left behind."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.faults.rig.case import Case, Rig
from tests.faults.rig.waiting import until_seen
from tests.leaves import Leave

VISITS = 500 if os.environ.get("THOROUGH") else 60
COLLEAGUES = 3
OFFER_LASTS = "PT90S"
ACCEPT, DECLINE = 50, 15
"""Of a hundred patients."""

AT_ONCE = 8
DIES_EVERY = 20.0
"""One of the two by turns, so that each has time to come back and do something."""

STILL_FOR = 25.0
ENDS_WITHIN = 300.0
"""Seconds after the last offer's end: what is under way when a part dies waits for its return."""

OFFERS = """
SELECT v.appointment_id, v.offer_id, v.answer_until, v.round, o.status, EXISTS (
    SELECT FROM notifications n WHERE n.appointment_id = o.id AND n.audience = 'patient'
      AND n.kind = 'offered' AND n.status IN ('sent', 'delivered')
) AS is_told
FROM campaign_visits v JOIN schedules o ON o.id = v.offer_id WHERE v.campaign_id = %s
"""
EACH = "SELECT id, status, doctor_id, starts_at FROM schedules WHERE id = ANY(%s)"
MADE = """
SELECT visit_id, count(*) AS offers FROM schedules
WHERE visit_id = ANY(%s) AND origin = 'offer' GROUP BY visit_id
"""
TOLD = """
SELECT n.appointment_id, n.channel, count(*) AS times, min(n.id::text) AS id
FROM notifications n JOIN schedules o ON o.id = n.appointment_id
WHERE o.visit_id = ANY(%s) AND o.origin = 'offer' AND n.kind = 'offered'
  AND n.audience = 'patient' AND n.status IN ('sent', 'delivered')
GROUP BY n.appointment_id, n.channel
"""


@dataclass(kw_only=True)
class Campaign:
    """The leave, its visits, and what was seen of it."""

    case: Case
    http: httpx.AsyncClient
    clinic_id: str = ""
    doctor_id: str = ""
    id: str = ""
    visits: list[UUID] = field(default_factory=list)
    looks: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    last_seen: tuple[str, dict[str, int]] | None = None
    changed_at: float = field(default_factory=time.time)

    async def call(self, method: str, path: str, **sent: Any) -> tuple[int, Mapping[str, Any]]:
        """Until there is an answer other than 503."""
        while True:
            try:
                answer = await self.http.request(method, f"/api/v1{path}", **sent)
                if answer.status_code != 503:
                    return answer.status_code, answer.json()
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.3)

    async def made(self, method: str, path: str, **sent: Any) -> Any:
        status, told = await self.call(method, path, **sent)
        assert status < 300, (path, status, told)
        return told

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        url = self.case.stack.address("postgres")
        connection = await psycopg.AsyncConnection.connect(url, row_factory=dict_row)
        async with connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    async def offers(self) -> list[dict[str, Any]]:
        return await self.rows(OFFERS, self.id)

    async def parts(self) -> tuple[str, dict[str, int]]:
        _, told = await self.call("GET", f"/campaigns/{self.id}")
        parts = {name: n for name, n in told.items() if isinstance(n, int) and name != "total"}
        assert sum(parts.values()) == told["total"] == VISITS, told
        return told["state"], parts

    async def is_over(self) -> bool:
        """Nothing has changed for longer than a part needs to come back."""
        seen = await self.parts()
        if seen != self.last_seen or seen[0] != "done":
            self.last_seen, self.changed_at = seen, time.time()
        return time.time() - self.changed_at > STILL_FOR


@pytest.mark.timeout(1500)
async def test_a_leave_leaves_nobody_behind_though_worker_and_temporal_die_by_turns(
    rig: Rig,
) -> None:
    title = f"a leave of {VISITS} visits, kill -9 of worker and Temporal by turns"
    async with rig.case(46, title) as case, asking(case) as http:
        campaign = await begun(case, http)
        async with together(
            watch(campaign), answer(campaign), die_by_turns(case), stands_somewhere(campaign)
        ):
            await until_seen(
                campaign.is_over, "the campaign ends", within=900 + ENDS_WITHIN, every=1
            )
        ended = time.time()
        _, parts = await campaign.parts()
        offers = await campaign.offers()
        await assert_each_was_asked_once_a_round(campaign)

    latest = max(each["answer_until"] for each in offers).timestamp()
    assert ended < latest + ENDS_WITHIN
    assert campaign.looks > VISITS / 10
    assert parts["left"] == parts["asked"] == 0
    assert parts["moved"] >= campaign.answers["accepted"]
    assert parts["declined"] == campaign.answers["declined for good"]
    print(f"{VISITS} visits: {parts}, answers {dict(campaign.answers)}")


def asking(case: Case) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=case.stack.api, timeout=12)


@asynccontextmanager
async def together(*works: Any) -> AsyncIterator[None]:
    """While the block runs; one that fails ends the block, and the test."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        yield
        for task in tasks:
            task.cancel()


async def begun(case: Case, http: httpx.AsyncClient) -> Campaign:
    """A doctor whose next days are full goes on leave; colleagues stay."""
    campaign, leave = Campaign(case=case, http=http), Leave(visits=VISITS, policy="move")
    campaign.clinic_id = (await campaign.made("POST", "/clinics", json=leave.clinic))["clinicId"]
    rules = {"offers": {"lasts": OFFER_LASTS}}
    await campaign.made("PUT", f"/clinics/{campaign.clinic_id}/rules", json=rules)
    for _ in range(COLLEAGUES + 1):
        doctor = await campaign.made("POST", "/doctors", json=leave.doctor(campaign.clinic_id))
        campaign.doctor_id = doctor["doctorId"]
        await campaign.made("PUT", f"/doctors/{campaign.doctor_id}/plan", json=leave.plan)
    await book_everybody(campaign, leave)
    path = f"/doctors/{campaign.doctor_id}/exceptions"
    shown = await campaign.made("POST", f"{path}?dryRun=true", json=leave.wish)
    assert shown["visits"] == VISITS
    wish = leave.wish | {"digest": shown["digest"]}
    campaign.id = (await campaign.made("POST", path, json=wish))["campaignId"]
    found = await campaign.rows(
        "SELECT appointment_id FROM campaign_visits WHERE campaign_id = %s", campaign.id
    )
    campaign.visits = [each["appointment_id"] for each in found]
    return campaign


async def book_everybody(campaign: Campaign, leave: Leave) -> None:
    made = await campaign.made(
        "POST",
        f"/imports?clinicId={campaign.clinic_id}",
        content=leave.file(campaign.doctor_id),
        headers={"content-type": "text/csv"},
    )

    async def is_done() -> bool:
        _, told = await campaign.call("GET", f"/imports/{made['importId']}")
        assert not told["refused"], told
        return bool(told["state"] == "done" and told["created"] == VISITS)

    await until_seen(is_done, "the visits are booked", within=120, every=0.5)


async def watch(campaign: Campaign) -> None:
    """The parts add up at every look: `parts` says so."""
    while True:
        await campaign.parts()
        campaign.looks += 1
        await asyncio.sleep(0.2)


async def stands_somewhere(campaign: Campaign) -> None:
    """At every look every visit has its row, and that is confirmed: nobody here cancels one."""
    url = campaign.case.stack.address("postgres")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            found = await (await connection.execute(EACH, (campaign.visits,))).fetchall()
            assert Counter(row[1] for row in found) == {"confirmed": VISITS}
            await asyncio.sleep(0.05)


async def answer(campaign: Campaign) -> None:
    """Who has the message: half accept, some decline whatever they are offered, some are silent."""
    answered: set[UUID] = set()
    while True:
        waiting = [
            each
            for each in await campaign.offers()
            if each["offer_id"] not in answered
            and each["is_told"]
            and each["status"] == "held"
            and share_of(each) < ACCEPT + DECLINE
        ]
        answered.update(each["offer_id"] for each in waiting[:AT_ONCE])
        await asyncio.gather(*(answer_one(campaign, each) for each in waiting[:AT_ONCE]))
        await asyncio.sleep(0.2)


async def answer_one(campaign: Campaign, offer: Mapping[str, Any]) -> None:
    word = "confirm" if share_of(offer) < ACCEPT else "cancel"
    status, told = await campaign.call("POST", f"/appointments/{offer['offer_id']}/{word}")
    campaign.answers[f"{word} {status} {told.get('code', '')}".strip()] += 1
    if word == "confirm" and status == 200:
        campaign.answers["accepted"] += 1
    elif word == "cancel" and status == 200 and offer["round"] == 1:
        campaign.answers["declined for good"] += 1


def share_of(offer: Mapping[str, Any]) -> int:
    """Of a hundred patients this is the number of one; they say the same in each round."""
    return int(offer["appointment_id"].int % 100)


async def die_by_turns(case: Case) -> None:
    for name in cycle(("worker", "temporal")):
        await asyncio.sleep(DIES_EVERY)
        await until_seen(partial(runs, case, name), f"{name} runs", within=600)
        case.stack.kill(name)
        case.injected(f"kill -9 {name}")


async def runs(case: Case, name: str) -> bool:
    return case.stack.kept(name).pid is not None and await case.stack.kept(name).program.ready()


async def assert_each_was_asked_once_a_round(campaign: Campaign) -> None:
    """An offer a round, and of each offer one message by each channel, which somebody got."""
    found = await campaign.rows(MADE, campaign.visits)
    rounds = {row["appointment_id"]: row["round"] for row in await campaign.offers()}
    assert {row["visit_id"]: row["offers"] for row in found} == rounds
    told = await campaign.rows(TOLD, campaign.visits)
    assert told
    assert {row["times"] for row in told} == {1}
    mailbox = campaign.case.stack.plan.mailbox or ""
    async with httpx.AsyncClient(base_url=mailbox, timeout=30) as http:
        kept = [message["key"].strip("<>").partition("@")[0] for message in await read(http)]
    assert {str(row["id"]) for row in told} <= set(kept)


async def read(mailbox: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await mailbox.get("/messages")
    messages: list[dict[str, Any]] = answer.json()
    return messages
