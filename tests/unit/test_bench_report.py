"""What a run of the benchmark prints and writes."""

from pathlib import Path

from bench.figures import Counted, Turn
from bench.report import costs, line, medians, ratio_lines, summary
from bench.results import About, read, results, write


def turn(
    engine: str = "product",
    *,
    number: int = 1,
    api: float = 0.1,
    busy: float = 0.1,
    refused: int = 0,
) -> Turn:
    return Turn(
        engine=engine,
        round=number,
        users=16,
        seconds=0.5,
        held_ms=[10.0, 20.0, 30.0],
        confirmed_ms=[1.0, 2.0, 3.0],
        confirmed=["a", "b", "c"] if engine == "product" else ["d"],
        refused={"hold 409 slot_taken": refused} if refused else {},
        before=Counted(
            at=0,
            busy=0,
            cpu={"api": 0.0, "valkey": 0.0},
            transactions=0,
            wal_bytes=0,
            wal_flushes=0,
        ),
        after=Counted(
            at=1,
            busy=busy,
            cpu={"api": api, "valkey": 0.0003},
            transactions=9,
            wal_bytes=9000,
            wal_flushes=6,
        ),
    )


def about(
    *,
    problems: list[str] | None = None,
    events: list[int] | None = None,
    actions: list[int] | None = None,
) -> About:
    return About(
        command="python -m bench",
        cores=2,
        python="3.11.7",
        versions={"dbos": "3.4.0"},
        memoryMiB={"product": {"api": 100.4, "worker": 50.2}},
        temporalEvents=events or [],
        temporalActions=actions or [],
        problems=problems or [],
    )


def test_a_line_says_who_how_many_how_fast_and_how_late() -> None:
    said = line(turn(), 2)

    assert "round 1  product" in said
    assert " 16 users    6.0/s (  6.0/s announced)" in said
    assert "held   20.0   30.0   30.0 ms" in said
    assert "confirmed    2.0    3.0    3.0 ms" in said
    assert "refused" not in said
    assert "others" not in said


def test_what_was_refused_is_said() -> None:
    assert "refused {'hold 409 slot_taken': 2}" in line(turn(refused=2), 2)


def test_costs_are_medians_of_the_rounds_and_name_what_counts() -> None:
    rounds = [turn(number=1, api=0.03), turn(number=2, api=0.3), turn(number=3, api=0.06)]

    (said,) = costs(rounds)

    assert "api 20.0" in said
    assert "valkey" not in said
    assert "3.0 transactions, 2.0 flushes, 3.0 kB of WAL" in said


def test_medians_are_taken_name_by_name() -> None:
    assert medians([{"a": 1}, {"a": 3, "b": 5}, {"a": 2}]) == {"a": 2, "b": 5}


def test_a_ratio_is_given_with_every_round_it_is_the_median_of() -> None:
    rounds = [turn(), turn("plain"), turn(number=2), turn("plain", number=2)]

    (said,) = ratio_lines(rounds)

    assert said.startswith("plain               16 users  rate 3.00 (3.00 3.00)")
    assert "held_p50 1.00 (1.00 1.00)" in said


def test_a_turn_that_others_disturbed_says_so() -> None:
    assert "others 50%" in line(turn(busy=1.1), 2)


def test_the_summary_has_memory_events_and_what_was_wrong() -> None:
    overlap = "plain: 2 pairs of visits overlap"
    said = summary([turn()], about(problems=[overlap], events=[26, 29], actions=[6, 6]))

    assert "product               151: api 100, worker 50" in said
    assert "Temporal events a booking: 27.5 (26 to 29 in 2 runs)" in said
    assert "Temporal Actions a booking: 6 (6 to 6 in 2 runs)" in said
    assert said[-1] == "void: plain: 2 pairs of visits overlap"


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    whole = results(about(), [turn(), turn("plain")])

    write(tmp_path / "out.json", whole)

    again = read(tmp_path / "out.json")
    assert again == whole
    first = again["turns"][0]
    assert (first["engine"], first["bookings"], first["rate"]) == ("product", 3, 6.0)
    assert first["heldMs"] == {"p50": 20.0, "p95": 30.0, "p99": 30.0}
    assert first["postgres"]["wal_flushes"] == 2.0


def test_a_machine_that_was_not_quiet_is_told_of() -> None:
    quiet, noisy = summary([turn()], about())[-1], summary([turn(), turn(busy=1.1)], about())[-1]

    assert quiet == "Others used up to 0% of the machine during a turn."
    assert (
        noisy
        == "Others used up to 50% of the machine during a turn: measure again when it is quiet."
    )
