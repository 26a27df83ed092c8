"""What a soak says at its end: memory of one life of a process, and the sum over all soaks."""

from pathlib import Path

from tests.faults.rig.memory import Memory, growth
from tests.faults.rig.tally import END, START, WARM, Tally


def memory(mebibytes: float, *, pid: int = 1) -> Memory:
    return Memory(pid=pid, rss=mebibytes, pss=mebibytes - 30)


def test_a_process_that_grows_by_more_than_a_tenth_is_a_violation() -> None:
    tally = Tally()
    tally.memory[START] = {"worker": memory(90), "api": memory(90)}
    tally.memory[WARM] = {"worker": memory(100), "api": memory(100)}
    tally.memory[END] = {"worker": memory(112), "api": memory(104)}

    assert [each.split()[0] for each in tally.too_large()] == ["worker"]


def test_two_lives_of_a_process_are_not_compared() -> None:
    assert growth(memory(100), memory(300, pid=2)) is None
    assert growth(None, memory(300)) is None


def test_servers_may_grow_and_a_short_soak_measures_nothing() -> None:
    tally = Tally()
    tally.memory[END] = {"worker": memory(100), "temporal": memory(900)}

    assert tally.too_large() == []


def test_soaks_add_up(tmp_path: Path) -> None:
    for bookings, wrong in ((200, []), (300, ["I5: no order explains it"])):
        tally = Tally(bookings=bookings, violations=wrong)
        tally.faults["kill -9 worker"] = 4
        line = tally.keep(tmp_path / "soaks.jsonl")

    assert "2: 500 bookings, 8 faults, 1 violations in all" in line
