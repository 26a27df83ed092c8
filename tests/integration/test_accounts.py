"""Who a subject is here is looked up once, and again when it has changed, whoever changes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from adapters.postgres.database import Database, PooledConnection
from adapters.postgres.seeing import Sees
from api.sign_in.accounts import Accounts
from tests.clinic_rows import Clinic

ISSUER = "https://issuer.test"


class Counted(Database):
    """Counts how often it is asked."""

    asked = 0

    @asynccontextmanager
    async def lend(self, sees: Sees | None = None) -> AsyncIterator[PooledConnection]:
        self.asked += 1
        async with super().lend(sees) as lent:
            yield lent


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - the word comes to the code that is tested
            await asyncio.sleep(0.01)


@dataclass(kw_only=True)
class Desk:
    """One process's memory, and the rows that another one changes."""

    accounts: Accounts
    database: Counted
    clinic: Clinic
    name: str

    async def acts_for(self, subject: str, patient_id: UUID | None = None) -> frozenset[UUID]:
        return (await self.accounts.of(subject, patient_id)).proxy_for

    async def remembers(self, subject: str) -> bool:
        """Whether a second question follows the first one without asking the database."""
        await self.acts_for(subject)
        before = self.database.asked
        await self.acts_for(subject)
        return self.database.asked == before

    async def hears(self, subject: str, *, so: bool = True) -> None:
        async def it_is_so() -> bool:
            return await self.remembers(subject) is so

        await eventually(it_is_so)

    async def comes_to_act_for(
        self, subject: str, patients: set[UUID], own: UUID | None = None
    ) -> None:
        async def it_does() -> bool:
            return await self.acts_for(subject, own) == patients

        await eventually(it_does)

    async def comes_to_work_at(self, subject: str, clinics: set[UUID]) -> None:
        async def it_does() -> bool:
            return (await self.accounts.of(subject, None)).clinic_ids == clinics

        await eventually(it_does)

    async def allow(self, child: UUID, **who: object) -> None:
        """For good."""
        await self.clinic.execute(
            "INSERT INTO proxies (id, patient_id, subject, proxy_patient_id)"
            " VALUES (gen_random_uuid(), :child, :subject, :proxy)",
            child=child,
            **{"subject": None, "proxy": None, **who},
        )


@pytest.fixture
async def desk(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """What is not heard of is not remembered at all."""
    monkeypatch.setattr("api.sign_in.accounts.REMEMBERED_SECONDS", 0.0)
    monkeypatch.setattr("api.sign_in.accounts.AGAIN_SECONDS", 0.5)
    database = Counted(clinic.database.url, clinic.database.pool)
    name = f"test-{uuid4()}"
    async with Accounts(database, ISSUER, listens_at=database.url, name=name) as accounts:
        yield Desk(accounts=accounts, database=database, clinic=clinic, name=name)


async def test_what_another_process_changes_counts_a_moment_later(desk: Desk) -> None:
    aunt, mother, child = (
        f"aunt-{uuid4()}",
        await desk.clinic.patient(),
        await desk.clinic.patient(),
    )
    await desk.hears(aunt)
    assert await desk.acts_for("mother", mother) == set()

    await desk.allow(child, subject=aunt)
    await desk.allow(child, proxy=mother)
    await desk.comes_to_act_for(aunt, {child})
    await desk.comes_to_act_for("mother", {child}, own=mother)
    await desk.clinic.execute("DELETE FROM proxies WHERE patient_id = :child", child=child)

    await desk.comes_to_act_for(aunt, set())
    await desk.hears(aunt)


async def test_an_account_that_is_given_changed_or_taken_away_counts_a_moment_later(
    desk: Desk,
) -> None:
    olga, clinic = f"olga-{uuid4()}", desk.clinic.id
    await desk.hears(olga)
    known = {"issuer": ISSUER, "olga": olga}

    await desk.clinic.execute(
        "INSERT INTO accounts (issuer, subject, clinic_ids)"
        " VALUES (:issuer, :olga, ARRAY[CAST(:clinic AS uuid)])",
        **known,
        clinic=clinic,
    )
    await desk.comes_to_work_at(olga, {clinic})
    await desk.clinic.execute(
        "UPDATE accounts SET clinic_ids = '{}' WHERE issuer = :issuer AND subject = :olga", **known
    )
    await desk.comes_to_work_at(olga, set())
    await desk.clinic.execute(
        "UPDATE accounts SET clinic_ids = ARRAY[CAST(:clinic AS uuid)]"
        " WHERE issuer = :issuer AND subject = :olga",
        **known,
        clinic=clinic,
    )
    await desk.comes_to_work_at(olga, {clinic})
    await desk.clinic.execute(
        "DELETE FROM accounts WHERE issuer = :issuer AND subject = :olga", **known
    )
    await desk.comes_to_work_at(olga, set())
    assert await desk.remembers(olga)


async def test_a_change_of_one_is_no_reason_to_ask_about_others(desk: Desk) -> None:
    aunt, uncle = f"aunt-{uuid4()}", f"uncle-{uuid4()}"
    own = await desk.clinic.patient()
    await desk.hears(aunt)
    for subject in (aunt, uncle):
        await desk.acts_for(subject, own if subject == uncle else None)
    before = desk.database.asked

    desk.accounts.forget(aunt)
    await desk.acts_for(uncle, own)
    assert desk.database.asked == before
    await desk.acts_for(aunt)
    desk.accounts.forget(str(own))
    await desk.acts_for(aunt)
    assert desk.database.asked == before + 1
    await desk.acts_for(uncle, own)
    assert desk.database.asked == before + 2


async def test_who_hears_of_no_change_asks_again_until_it_does(desk: Desk) -> None:
    aunt = f"aunt-{uuid4()}"
    await desk.hears(aunt)

    await desk.clinic.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name",
        name=desk.name,
    )

    await desk.hears(aunt, so=False)
    await desk.hears(aunt)
    assert await desk.remembers(aunt)


async def test_a_right_ends_at_its_time_without_a_word(desk: Desk) -> None:
    """Only its end is near: that it was given is seen without haste."""
    aunt, child = f"aunt-{uuid4()}", await desk.clinic.patient()
    await desk.hears(aunt)
    await desk.allow(child, subject=aunt)
    await desk.comes_to_act_for(aunt, {child})

    await desk.clinic.execute(
        "UPDATE proxies SET until = clock_timestamp() + interval '1 second'"
        " WHERE patient_id = :child",
        child=child,
    )

    await desk.comes_to_act_for(aunt, set())
    assert await desk.remembers(aunt)


async def test_of_few_subjects_it_is_remembered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.sign_in.accounts.REMEMBERED", 1)
    await desk.hears("anna")

    await desk.acts_for("boris")
    before = desk.database.asked
    await desk.acts_for("anna")

    assert desk.database.asked == before + 1
