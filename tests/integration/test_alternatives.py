"""What is offered in place of a slot that is taken, and the next free slot of a doctor."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from adapters.postgres.alternatives import free_alternatives
from adapters.postgres.directory import After, find_doctor, list_doctors, list_specialties
from tests.clinic_rows import DAY, Clinic, at

TWO_DAYS_ON = DAY + timedelta(days=2)


async def offers(
    clinic: Clinic, wish: datetime, *, patient_id: UUID | None = None
) -> list[tuple[UUID, datetime]]:
    async with clinic.database.connect() as connection:
        found = await free_alternatives(
            connection,
            patient_id=patient_id or uuid4(),
            doctor_id=clinic.doctor_id,
            starts_at=wish,
        )
    assert all(offer.ends_at - offer.starts_at == timedelta(minutes=30) for offer in found)
    return [(offer.doctor_id, offer.starts_at) for offer in found]


async def test_the_nearest_free_slots_of_the_same_doctor_come_first(clinic: Clinic) -> None:
    await clinic.book(at("09:30"))

    assert await offers(clinic, at("09:30")) == [
        (clinic.doctor_id, at("09:00")),
        (clinic.doctor_id, at("10:00")),
        (clinic.doctor_id, at("10:30")),
    ]


async def test_five_are_enough(clinic: Clinic) -> None:
    await clinic.on_duty(at("12:00"), at("18:00"))

    assert len(await offers(clinic, at("10:00"))) == 5


async def test_a_held_slot_is_not_offered_and_a_lapsed_one_is(clinic: Clinic) -> None:
    await clinic.hold(at("09:00"))
    await clinic.hold(at("10:00"), lasts=timedelta(seconds=-1))

    assert await offers(clinic, at("09:00")) == [
        (clinic.doctor_id, at(clock)) for clock in ("09:30", "10:00", "10:30")
    ]


async def test_a_slot_when_the_patient_is_elsewhere_is_not_offered(clinic: Clinic) -> None:
    patient_id, other = await clinic.patient(), await clinic.hire(specialty="dentist")
    await clinic.on_duty(at("09:15"), at("09:45"), doctor_id=other)
    await clinic.hold(at("09:15"), doctor_id=other, patient_id=patient_id)

    assert await offers(clinic, at("09:00"), patient_id=patient_id) == [
        (clinic.doctor_id, at("10:00")),
        (clinic.doctor_id, at("10:30")),
    ]


async def test_another_day_of_the_doctor_comes_before_a_colleague(clinic: Clinic) -> None:
    colleague, dentist = await clinic.hire(), await clinic.hire(specialty="dentist")
    for doctor_id in (colleague, dentist):
        await clinic.on_duty(at("09:00"), at("10:00"), doctor_id=doctor_id)
    await clinic.on_duty(at("09:00", TWO_DAYS_ON), at("09:30", TWO_DAYS_ON))
    for clock in ("09:00", "09:30", "10:00"):
        await clinic.book(at(clock))

    assert await offers(clinic, at("09:00")) == [
        (clinic.doctor_id, at("10:30")),
        (clinic.doctor_id, at("09:00", TWO_DAYS_ON)),
        (colleague, at("09:00")),
        (colleague, at("09:30")),
    ]


async def test_a_slot_in_the_past_is_not_offered(clinic: Clinic) -> None:
    yesterday = datetime.now(at("09:00").tzinfo) - timedelta(days=1)
    await clinic.on_duty(yesterday, yesterday + timedelta(hours=2))

    assert await offers(clinic, yesterday) == []


async def test_an_unknown_doctor_has_no_alternatives(clinic: Clinic) -> None:
    async with clinic.database.connect() as connection:
        found = await free_alternatives(
            connection, patient_id=uuid4(), doctor_id=uuid4(), starts_at=at("09:00")
        )

    assert found == []


async def test_a_doctor_shows_the_next_free_slot_of_the_coming_fortnight(clinic: Clinic) -> None:
    soon = (datetime.now(at("09:00").tzinfo) + timedelta(days=5)).replace(
        minute=0, second=0, microsecond=0
    )
    await clinic.on_duty(soon, soon + timedelta(hours=1))
    await clinic.book(soon)

    async with clinic.database.connect() as connection:
        card = await find_doctor(connection, clinic.doctor_id)

    assert card.next_free == soon + timedelta(minutes=30)


async def test_the_next_free_slot_is_none_of_time_that_closes(clinic: Clinic) -> None:
    soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=5)
    for begins in (soon, soon + timedelta(hours=3)):
        await clinic.on_duty(begins, begins + timedelta(hours=1))
    await clinic.execute(
        "UPDATE shifts SET state = 'closing' WHERE doctor_id = :id AND during @> :soon",
        id=clinic.doctor_id,
        soon=soon,
    )

    async with clinic.database.connect() as connection:
        card = await find_doctor(connection, clinic.doctor_id)

    assert card.next_free == soon + timedelta(hours=3)


async def test_a_doctor_with_nothing_soon_shows_no_next_free_slot(clinic: Clinic) -> None:
    async with clinic.database.connect() as connection:
        card = await find_doctor(connection, clinic.doctor_id)

    assert card.next_free is None


async def test_pages_of_doctors_join_without_a_gap_although_names_are_the_same(
    clinic: Clinic,
) -> None:
    everybody = {clinic.doctor_id, *[await clinic.hire() for _ in range(4)]}
    seen: list[UUID] = []
    after = None

    async with clinic.database.connect() as connection:
        while page := await list_doctors(
            connection, limit=2, after=after, specialty="surgeon", clinic_id=clinic.id
        ):
            seen += [card.doctor_id for card in page]
            after = After(name=page[-1].name, id=page[-1].doctor_id)

    assert seen == sorted(everybody)


async def test_specialties_are_counted(clinic: Clinic) -> None:
    await clinic.hire(specialty="Zoologist")

    async with clinic.database.connect() as connection:
        last = await list_specialties(connection, limit=1, after="Zo")

    assert [(specialty.name, specialty.doctors) for specialty in last] == [("Zoologist", 1)]
