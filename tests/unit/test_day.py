"""A day: the grid, the rows laid over it, and how it is judged as time passes."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.booking import Status
from domain.day import Day, SlotState, Taken, compose, free_slots, reach_of
from domain.rules import DoctorGrid
from domain.slot import Interval, day_bounds

DOCTOR = UUID("00000000-0000-4000-8000-0000000000d1")
PRACTITIONER = UUID("00000000-0000-4000-8000-0000000000e1")
CLINIC = UUID("00000000-0000-4000-8000-0000000000c1")
MOSCOW = ZoneInfo("Europe/Moscow")
LONDON = ZoneInfo("Europe/London")
MONDAY = date(2027, 1, 11)
SUNDAY_NIGHT = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)


def a_desk(zone: ZoneInfo = MOSCOW, slot_minutes: int = 30) -> DoctorGrid:
    return DoctorGrid(
        doctor_id=DOCTOR,
        practitioner_id=PRACTITIONER,
        clinic_id=CLINIC,
        slot_minutes=slot_minutes,
        zone=zone,
    )


def at(clock: str, *, zone: ZoneInfo = MOSCOW, day: date = MONDAY) -> datetime:
    return datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=zone).astimezone(UTC)


def between(start: str, end: str) -> Interval:
    return Interval(starts_at=at(start), ends_at=at(end))


def a_hold(start: str, end: str, *, until: datetime) -> Taken:
    return Taken(starts_at=at(start), ends_at=at(end), status=Status.HELD, held_until=until)


def a_visit(start: str, end: str) -> Taken:
    return Taken(starts_at=at(start), ends_at=at(end), status=Status.CONFIRMED, held_until=None)


def a_day(*taken: Taken, shifts: tuple[Interval, ...] = (between("09:00", "11:00"),)) -> Day:
    return compose(a_desk(), MONDAY, "v1", shifts, taken)


def seen(day: Day, now: datetime = SUNDAY_NIGHT) -> dict[str, str]:
    zone = ZoneInfo(day.time_zone)
    return {f"{s.starts_at.astimezone(zone):%H:%M}": s.state.value for s in day.at(now).slots}


def test_a_day_without_shifts_has_no_slots() -> None:
    assert a_day(shifts=()).at(SUNDAY_NIGHT).slots == ()


def test_a_day_tells_its_doctor_clinic_date_zone_and_version() -> None:
    schedule = a_day().at(SUNDAY_NIGHT)

    assert schedule.doctor_id == DOCTOR
    assert schedule.clinic_id == CLINIC
    assert (schedule.date, schedule.time_zone) == (MONDAY, "Europe/Moscow")
    assert schedule.version == "v1"


def test_slots_are_free_held_or_booked() -> None:
    day = a_day(
        a_visit("09:30", "10:00"), a_hold("10:00", "10:30", until=SUNDAY_NIGHT + timedelta(hours=1))
    )

    assert seen(day) == {"09:00": "free", "09:30": "booked", "10:00": "held", "10:30": "free"}


def test_a_cached_hold_is_free_from_the_instant_it_lapses() -> None:
    lapse = SUNDAY_NIGHT + timedelta(minutes=10)
    day = a_day(a_hold("10:00", "10:30", until=lapse))

    assert seen(day, lapse - timedelta(microseconds=1))["10:00"] == "held"
    assert seen(day, lapse)["10:00"] == "free"


def test_a_slot_that_has_begun_is_not_listed() -> None:
    day = a_day()

    assert list(seen(day, at("09:30"))) == ["10:00", "10:30"]


def test_a_day_looks_the_same_until_the_next_instant_at_which_it_changes_by_itself() -> None:
    lapse = SUNDAY_NIGHT + timedelta(minutes=10)
    day = a_day(a_visit("09:30", "10:00"), a_hold("10:00", "10:30", until=lapse))
    instant = timedelta(microseconds=1)
    changes: list[datetime] = []

    now: datetime | None = SUNDAY_NIGHT
    while now is not None:
        coming = day.changes_after(now)
        if coming is not None:
            assert day.at(coming - instant) == day.at(now) != day.at(coming)
            changes.append(coming)
        now = coming

    assert changes == [lapse, at("09:00"), at("09:30"), at("10:00"), at("10:30")]


def test_a_row_that_overlaps_a_slot_in_part_takes_it() -> None:
    day = a_day(a_visit("09:45", "10:15"))

    assert seen(day) == {"09:00": "free", "09:30": "booked", "10:00": "booked", "10:30": "free"}


def test_a_visit_outweighs_a_hold_and_the_later_hold_the_earlier() -> None:
    soon, later = (SUNDAY_NIGHT + timedelta(minutes=m) for m in (5, 9))
    day = a_day(
        a_hold("09:00", "09:10", until=later),
        a_hold("09:10", "09:20", until=soon),
        a_hold("09:30", "09:40", until=later),
        a_visit("09:40", "10:00"),
    )

    assert seen(day, soon) == {"09:00": "held", "09:30": "booked", "10:00": "free", "10:30": "free"}


def test_a_long_row_that_begins_first_hides_no_later_row() -> None:
    day = a_day(a_visit("09:00", "10:10"), a_visit("09:05", "09:10"), a_visit("10:30", "11:00"))

    assert list(seen(day).values()) == ["booked", "booked", "booked", "booked"]


def test_a_visit_that_began_the_day_before_takes_the_first_slot() -> None:
    night = Interval(starts_at=at("22:00", day=date(2027, 1, 10)), ends_at=at("02:00"))
    late = Taken(
        starts_at=at("23:45", day=date(2027, 1, 10)),
        ends_at=at("00:15"),
        status=Status.CONFIRMED,
        held_until=None,
    )
    day = a_day(late, shifts=(night,))

    assert seen(day, at("20:00", day=date(2027, 1, 10))) == {
        "00:00": "booked",
        "00:30": "free",
        "01:00": "free",
        "01:30": "free",
    }


def test_a_night_shift_lists_each_slot_on_the_date_it_begins() -> None:
    night = Interval(starts_at=at("23:00"), ends_at=at("01:00", day=date(2027, 1, 12)))

    evening = compose(a_desk(), MONDAY, "v", [night], [])
    morning = compose(a_desk(), date(2027, 1, 12), "v", [night], [])

    assert list(seen(evening)) == ["23:00", "23:30"]
    assert list(seen(morning)) == ["00:00", "00:30"]


def test_shifts_are_listed_in_order_each_on_its_own_grid() -> None:
    day = a_day(shifts=(between("14:10", "15:10"), between("09:00", "10:00")))

    assert list(seen(day)) == ["09:00", "09:30", "14:10", "14:40"]


@pytest.mark.parametrize(
    ("day", "hours", "slots"),
    [(date(2027, 3, 28), 23, 46), (date(2027, 10, 31), 25, 50), (MONDAY, 24, 48)],
)
def test_a_round_the_clock_day_is_as_long_as_the_clocks_make_it(
    day: date, hours: int, slots: int
) -> None:
    bounds = day_bounds(day, LONDON)

    composed = compose(a_desk(LONDON), day, "v", [bounds], [])

    assert bounds.ends_at - bounds.starts_at == timedelta(hours=hours)
    assert len(composed.slots) == slots


def test_the_reach_of_a_day_goes_one_slot_past_midnight() -> None:
    reach = reach_of(MONDAY, a_desk(slot_minutes=45))

    assert reach == Interval(starts_at=at("00:00"), ends_at=at("00:45", day=date(2027, 1, 12)))


def test_free_slots_begin_inside_the_window_and_touch_nothing_busy() -> None:
    window = Interval(starts_at=at("09:00"), ends_at=at("10:30"))

    free = free_slots(a_desk(), window, [between("09:00", "12:00")], [between("09:40", "09:50")])

    assert [slot.starts_at for slot in free] == [at("09:00"), at("10:00")]


@given(
    taken=st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 60), st.sampled_from([None, -5, 0, 5])),
        max_size=8,
    )
)
def test_every_slot_is_judged_by_exactly_the_rows_that_overlap_it(
    taken: list[tuple[int, int, int | None]],
) -> None:
    rows = [
        Taken(
            starts_at=at("08:00") + timedelta(minutes=start),
            ends_at=at("08:00") + timedelta(minutes=start + length),
            status=Status.CONFIRMED if lapse is None else Status.HELD,
            held_until=None if lapse is None else SUNDAY_NIGHT + timedelta(minutes=lapse),
        )
        for start, length, lapse in taken
    ]

    for slot in a_day(*rows).at(SUNDAY_NIGHT).slots:
        over = [row for row in rows if row.overlaps(slot)]
        booked = any(row.status is Status.CONFIRMED for row in over)
        held = any(row.held_until is not None and row.held_until > SUNDAY_NIGHT for row in over)
        expected = SlotState.BOOKED if booked else SlotState.HELD if held else SlotState.FREE
        assert slot.state is expected


def test_a_shift_that_closes_shows_what_is_taken_and_nothing_free() -> None:
    lapse = SUNDAY_NIGHT + timedelta(minutes=10)
    open_day = a_day(
        a_visit("09:00", "09:30"),
        a_hold("09:30", "10:00", until=lapse),
        shifts=(between("09:00", "11:00"), between("14:00", "15:00")),
    )

    day = open_day.closing([between("09:00", "11:00")])

    afternoon = {"14:00": "free", "14:30": "free"}
    assert seen(day) == {"09:00": "booked", "09:30": "held"} | afternoon
    assert seen(day, lapse) == {"09:00": "booked"} | afternoon
    assert seen(open_day.closing([])) == seen(open_day)


def test_what_is_free_can_be_shown_as_booked_and_a_hold_stays_one() -> None:
    day = a_day(a_hold("09:00", "09:30", until=at("23:00")))

    schedule = day.at(SUNDAY_NIGHT).taken_by([between("09:00", "10:00")])

    states = [slot.state.value for slot in schedule.slots]
    assert states == ["held", "booked", "free", "free"]
