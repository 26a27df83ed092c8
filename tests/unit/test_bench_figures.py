"""What the benchmark computes: quantiles, costs a booking, ratios of engines in the same round."""

from dataclasses import replace

import pytest

from bench.figures import Counted, Turn, quantile, quantiles, quietest, ratios


def counted(
    *, transactions: int = 0, wal_bytes: int = 0, flushes: int = 0, **cpu: float
) -> Counted:
    return Counted(
        at=0, busy=0, cpu=cpu, transactions=transactions, wal_bytes=wal_bytes, wal_flushes=flushes
    )


def turn(
    engine: str, *, number: int = 1, users: int = 1, bookings: int = 10, held: float = 5
) -> Turn:
    return Turn(
        engine=engine,
        round=number,
        users=users,
        seconds=2,
        held_ms=[held] * bookings,
        confirmed_ms=[1.0] * bookings,
        confirmed=[f"{engine}-{each}" for each in range(bookings)],
    )


def test_a_quantile_is_a_value_that_was_measured() -> None:
    assert quantile(range(1, 101), 0.5) == 50
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([7.0], 0.99) == 7.0
    assert quantile([], 0.5) == 0.0


def test_quantiles_are_named_as_they_are_written() -> None:
    assert quantiles([float(each) for each in range(1, 201)]) == {
        "p50": 100,
        "p95": 190,
        "p99": 198,
    }


def test_the_rate_counts_confirmed_bookings_over_the_load_alone() -> None:
    done = turn("product", bookings=10)
    done.drain_seconds = 3

    assert done.rate == 5.0
    assert done.announced_rate == 2.0


def test_a_booking_costs_what_was_used_between_the_two_readings() -> None:
    done = turn("product", bookings=4)
    done.before = counted(api=1.0, worker=2.0, transactions=100, wal_bytes=1000, flushes=10)
    done.after = counted(api=1.2, worker=2.1, transactions=120, wal_bytes=9000, flushes=18)

    assert done.cpu_ms() == {"api": pytest.approx(50), "worker": pytest.approx(25)}
    assert done.of_postgres() == {"transactions": 5, "wal_bytes": 2000, "wal_flushes": 2}


def test_what_others_took_of_the_machine_is_what_no_process_of_ours_used() -> None:
    done = turn("product")
    done.before = replace(counted(api=1.0, client=1.0), at=100, busy=50)
    done.after = replace(counted(api=5.0, client=2.0), at=110, busy=60)

    assert done.others(cores=2) == pytest.approx(5 / 20)
    assert turn("product").others(cores=2) == 0


def test_the_try_that_was_disturbed_least_is_the_one_that_counts() -> None:
    tries = [turn("product") for _ in range(3)]
    for each, busy in zip(tries, (9.0, 5.0, 7.0), strict=True):
        each.before = counted(api=0.0)
        each.after = replace(counted(api=4.0), at=10, busy=busy)

    assert quietest(tries, cores=2) is tries[1]


def test_a_turn_that_was_never_read_costs_nothing_rather_than_something_wrong() -> None:
    assert turn("product").cpu_ms() == {}
    assert turn("product").of_postgres() == {}


def test_the_warm_up_is_answered_for_but_in_no_figure() -> None:
    done = turn("product", bookings=2)
    done.warmed = ["early"]

    assert done.answered == ["early", "product-0", "product-1"]
    assert done.bookings == 2


def test_engines_are_compared_within_a_round_and_the_median_of_those_is_given() -> None:
    turns = [
        turn("product", number=1, bookings=10),
        turn("restate", number=1, bookings=20),
        turn("product", number=2, bookings=30),
        turn("restate", number=2, bookings=20),
        turn("product", number=3, bookings=40),
        turn("restate", number=3, bookings=50),
    ]

    found = {each.measure: each for each in ratios(turns)}

    assert found["rate"].by_round == (0.5, 1.5, 0.8)
    assert found["rate"].median == 0.8
    assert found["rate"].peer == "restate"


def test_each_number_of_users_is_compared_by_itself() -> None:
    turns = [
        turn("product", users=1, held=10),
        turn("plain", users=1, held=2),
        turn("product", users=16, held=30),
        turn("plain", users=16, held=10),
    ]

    held = {each.users: each.median for each in ratios(turns) if each.measure == "held_p50"}

    assert held == {1: 5.0, 16: 3.0}


def test_the_client_is_no_part_of_what_engines_are_compared_by() -> None:
    ours, theirs = turn("product", bookings=1), turn("plain", bookings=1)
    for each, used in ((ours, 0.2), (theirs, 0.1)):
        each.before, each.after = counted(api=0.0, client=0.0), counted(api=used, client=5.0)

    cost = next(each for each in ratios([ours, theirs]) if each.measure == "cpu_ms")

    assert cost.median == pytest.approx(2.0)


def test_the_product_with_its_notifier_is_compared_with_nobody() -> None:
    turns = [turn("product"), turn("product+notifier")]

    assert ratios(turns) == []


def test_a_peer_that_did_nothing_gives_no_ratio() -> None:
    assert [each.measure for each in ratios([turn("product"), turn("plain", bookings=0)])] == []
