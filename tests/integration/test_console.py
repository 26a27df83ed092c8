"""The command of operations on real servers; Kafka is away, and Temporal where a test says so."""

import sys
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from adapters.postgres.days import DayBook
from adapters.redis.cache import DayReader, connect_redis
from api.console.__main__ import NotDone, answer, main, parsed
from api.console.known import InCache, Servers, all_known
from domain.errors import CampaignNotFound, TooLate
from tests.builders import SECRET
from tests.clinic_rows import DAY, Clinic, at
from tests.integration.audit_office import RUNS, StandIn
from tests.integration.conftest import NOBODY_LISTENS
from tests.patience import patient_cache

SLOW_MS = 500
"""Ten times as long as a reader of days waits for Redis."""


@pytest.fixture
def environment(clinic: Clinic, cache_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DATABASE_URL": clinic.database.url,
        "REDIS_URL": cache_url,
        "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS,
        "TEMPORAL_ADDRESS": NOBODY_LISTENS,
        "PRIYOM_SECRET": SECRET.decode(),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("api.console.__main__.TEMPORAL_SECONDS", 0.1)


async def asked(*arguments: str) -> str:
    return "\n".join(await answer(parsed(list(arguments))))


@pytest.mark.usefixtures("environment")
async def test_one_command_answers_with_row_history_runs_messages_and_cache(clinic: Clinic) -> None:
    visit = await clinic.book(at("09:00"))

    by_id = await asked("why", str(visit))
    by_reference = await asked("why", str(visit)[:8].upper())

    assert by_id.startswith("It is confirmed")
    assert "Kafka does not answer; the event follows" in by_id
    assert "by sql, then confirmed" in by_id
    assert "Temporal does not answer" in by_id
    assert by_reference.splitlines()[0] == by_id.splitlines()[0]


@pytest.mark.usefixtures("environment")
async def test_rows_versions_holds_and_the_trail_are_read_one_by_one(clinic: Clinic) -> None:
    hold, patient = await clinic.hold(at("09:30")), await clinic.patient()

    shown = await asked("appointment", "show", str(hold))
    history = await asked("appointment", "history", str(hold))
    trail = await asked("audit", "--object", str(patient))
    nothing = await asked("audit", "--object", "nothing of ours")
    with pytest.raises(NotDone):
        await asked("appointment", "show", str(patient))
    with pytest.raises(NotDone):
        await asked("why", "no reference")

    assert "held until" in shown
    assert "version 1: hold by sql" in history or "version 1: create by sql" in history
    assert f"create {patient}" in trail
    assert nothing == "No such line."
    assert "until" in await asked("hold", "list")
    with pytest.raises(NotDone, match="--reason"):
        await asked("hold", "release", str(hold))
    with pytest.raises(NotDone, match="Temporal does not answer"):
        await asked("hold", "release", str(hold), "--reason", "mistake")


@pytest.mark.usefixtures("environment")
async def test_a_campaign_is_listed_and_says_where_its_visits_are(clinic: Clinic) -> None:
    left, cancelled = await clinic.book(at("09:00")), await clinic.book(at("10:00"))
    campaign, exception = uuid4(), uuid4()
    await clinic.execute(
        "INSERT INTO exceptions (id, clinic_id, doctor_id, kind, wall_from, wall_until, reason)"
        " VALUES (:id, :clinic, :doctor, 'remove', '2030-01-14', '2030-01-15', 'illness')",
        id=exception,
        clinic=clinic.id,
        doctor=clinic.doctor_id,
    )
    await clinic.execute(
        "INSERT INTO campaigns (id, clinic_id, doctor_id, exception_id, digest, policy)"
        " VALUES (:id, :clinic, :doctor, :exception, :digest, 'move')",
        id=campaign,
        clinic=clinic.id,
        doctor=clinic.doctor_id,
        exception=exception,
        digest=str(campaign),
    )
    for visit in (left, cancelled):
        await clinic.execute(
            "INSERT INTO campaign_visits (campaign_id, appointment_id, doctor_id, starts_at, state)"
            " SELECT :campaign, id, doctor_id, starts_at, 'left' FROM schedules WHERE id = :id",
            campaign=campaign,
            id=visit,
        )
    await clinic.becomes(cancelled, "cancelled")

    listed = await asked("campaign", "list")
    shown = await asked("campaign", "show", str(campaign))
    with pytest.raises(NotDone, match="not a campaign's whole id"):
        await asked("campaign", "show", "no-id")
    with pytest.raises(CampaignNotFound):
        await asked("campaign", "show", str(uuid4()))

    [line] = [each for each in listed.splitlines() if each.startswith(str(campaign))]
    assert f"doctor {clinic.doctor_id}" in line
    assert shown.startswith("It is running, by the policy move: 2 visits.")
    assert f"left            {left}" in shown
    assert f"cancelled       {cancelled}" in shown


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["why", "no reference"], 1, "No single booking"),
        (["dead"], 1, "a server does not answer"),
        (["hold", "list"], 0, ""),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    words: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["priyom", *arguments])

    assert main() == status
    assert words in capsys.readouterr().err


def test_a_bad_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRIYOM_NO_SUCH_THING", "1")
    monkeypatch.setattr(sys, "argv", ["priyom", "hold", "list"])

    assert main() == 2
    assert "PRIYOM_NO_SUCH_THING" in capsys.readouterr().err


@pytest.fixture
async def servers(clinic: Clinic, cache_url: str, stand_ins: Client) -> AsyncIterator[Servers]:
    redis = connect_redis(cache_url, name="console-test")
    yield Servers(
        database=clinic.database,
        temporal=stand_ins,
        redis=redis,
        kafka=NOBODY_LISTENS,
        secret=SECRET,
    )
    await redis.aclose()


async def test_the_cache_is_compared_with_the_day_as_it_is(
    clinic: Clinic, servers: Servers
) -> None:
    visit = await clinic.book(at("09:00"))
    reader = DayReader(DayBook(clinic.database), patient_cache(servers.redis))

    seen = [(await all_known(servers, visit)).in_cache]
    await reader.read(clinic.doctor_id, DAY)
    await reader.close()
    seen.append((await all_known(servers, visit)).in_cache)
    await clinic.book(at("10:00"))
    seen.append((await all_known(servers, visit)).in_cache)

    assert seen == [InCache.NOTHING, InCache.CURRENT, InCache.OLDER]


async def test_a_cache_that_is_slow_is_waited_for_by_who_asks_what_it_has(
    clinic: Clinic, servers: Servers
) -> None:
    visit = await clinic.book(at("09:00"))
    reader = DayReader(DayBook(clinic.database), patient_cache(servers.redis))
    await reader.read(clinic.doctor_id, DAY)
    await reader.close()

    await servers.redis.client_pause(SLOW_MS, all=True)

    assert (await all_known(servers, visit)).in_cache is InCache.CURRENT


async def test_runs_are_listed_where_temporal_answers(
    clinic: Clinic, servers: Servers, stand_ins: Client
) -> None:
    visit = await clinic.book(at("09:00"))
    nothing = await all_known(servers, UUID(int=7))
    await stand_ins.start_workflow(StandIn.run, "waits", id=f"appointment-{visit}", task_queue=RUNS)

    known = await all_known(servers, visit)

    assert [run.status for run in known.runs or []] == ["running"]
    assert (nothing.runs, nothing.run, nothing.row) == ([], None, None)


async def test_a_hold_is_released_through_its_run_with_a_reason(
    clinic: Clinic, servers: Servers, stand_ins: Client
) -> None:
    told, refused, alone = [await clinic.hold(at(clock)) for clock in ("09:00", "09:30", "10:00")]
    for hold in (told, refused):
        await stand_ins.start_workflow(
            StandIn.run, "waits", id=f"appointment-{hold}", task_queue=RUNS
        )

    async def release(hold: UUID, reason: str) -> list[str]:
        order = parsed(["hold", "release", str(hold), "--reason", reason])
        return list(await order.do(servers, order))

    assert await release(told, "mistake") == [f"{told} is cancelled."]
    with pytest.raises(TooLate):
        await release(refused, "other")
    with pytest.raises(NotDone, match="goes with the next audit"):
        await release(alone, "mistake")
