"""What a move costs beside a confirmation, in turns in one run: `-m long -s`, on a quiet machine.

Both end with the same three messages, and both are counted until all of them are sent.
"""

import os
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bench.clinic import Clinic
from bench.free_slots import Wish
from bench.http import Answer, Connection
from tests.acceptance.measuring import Turn, at_rest, counted, everybody_is_told, measured_stack

ROUNDS = int(os.environ.get("ROUNDS", "12"))
VISITS_A_ROUND = 20
MESSAGES = 3
APART = timedelta(hours=2)
"""Longer than any slot."""

AT_MOST = 1.2
"""Times the cost of a confirmation."""


@dataclass(kw_only=True)
class Costs:
    """Of each round."""

    took_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    by_process: dict[str, list[dict[str, float]]] = field(default_factory=lambda: defaultdict(list))

    def note(self, what: str, turn: Turn, idle: Turn) -> None:
        each = turn.cpu_ms(VISITS_A_ROUND, idle=idle)
        self.by_process[what].append(each)
        self.cpu_ms[what].append(sum(each.values()))

    def told(self, what: str) -> str:
        processes = {
            name: round(statistics.median(each[name] for each in self.by_process[what]), 1)
            for name in self.by_process[what][0]
        }
        cpu, took = (statistics.median(each[what]) for each in (self.cpu_ms, self.took_ms))
        return f"{what:<14} p50 {took:.1f} ms, {cpu:.1f} CPU-ms: {processes}"

    def ratio(self, costs: dict[str, list[float]]) -> float:
        return statistics.median(costs["move"]) / statistics.median(costs["confirmation"])


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_move_costs_little_more_than_a_confirmation(tmp_path: Path) -> None:
    costs = Costs()
    async with measured_stack(tmp_path / "home") as clinic:
        times = Times(await clinic.wishes())
        await a_round(clinic, times, Costs(), Turn(seconds=1.0, cpu=defaultdict(float)))
        idle = await at_rest(clinic)
        for _ in range(ROUNDS):
            await a_round(clinic, times, costs, idle)

    for what in ("confirmation", "move"):
        print(costs.told(what))
    took, cpu = costs.ratio(costs.took_ms), costs.ratio(costs.cpu_ms)
    print(f"a move takes {took:.2f} times as long, and {cpu:.2f} times the processors' time")
    assert cpu <= AT_MOST


class Times:
    """Free times, of which nobody is given two that are near each other."""

    def __init__(self, wishes: list[Wish]) -> None:
        self._wishes = wishes
        self._given: dict[str, list[datetime]] = defaultdict(list)

    def first(self) -> Wish:
        """For somebody."""
        return self._take(next(each for each in self._wishes if self._is_free(each[0], each[2])))

    def other(self, patient: str, doctor: str) -> str:
        """For this one, at this doctor's."""
        _, _, instant = next(
            each for each in self._wishes if each[1] == doctor and self._is_free(patient, each[2])
        )
        return self._take((patient, doctor, instant))[2]

    def _is_free(self, patient: str, instant: str) -> bool:
        at = datetime.fromisoformat(instant)
        return all(abs(at - each) >= APART for each in self._given[patient])

    def _take(self, wish: Wish) -> Wish:
        patient, doctor, instant = wish
        self._given[patient].append(datetime.fromisoformat(instant))
        self._wishes = [each for each in self._wishes if each[1:] != (doctor, instant)]
        return wish


async def a_round(clinic: Clinic, times: Times, costs: Costs, idle: Turn) -> None:
    """The same visits are confirmed, and then moved, each to another time of its doctor."""
    connection = Connection(clinic.api)
    some = [times.first() for _ in range(VISITS_A_ROUND)]
    others = [times.other(patient, doctor) for patient, doctor, _ in some]
    held = [await a_hold(connection, wish) for wish in some]
    async with counted(clinic) as turn:
        for visit in held:
            began = time.perf_counter()
            answer = await connection.tell(visit, "confirm")
            costs.took_ms["confirmation"].append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, answer
        await everybody_is_told(clinic, held, messages=MESSAGES * len(held))
    costs.note("confirmation", turn, idle)
    async with counted(clinic) as turn:
        for visit, instant in zip(held, others, strict=True):
            began = time.perf_counter()
            answer = await moved(connection, visit, instant)
            costs.took_ms["move"].append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, answer
        await everybody_is_told(clinic, held, messages=2 * MESSAGES * len(held))
    costs.note("move", turn, idle)
    await connection.close()


async def a_hold(connection: Connection, wish: Wish) -> str:
    answer = await connection.hold(wish)
    assert answer.status == 201, answer
    return str(answer.body["appointmentId"])


async def moved(connection: Connection, visit: str, instant: str) -> Answer:
    """From its confirmed version on."""
    body = {"dateTime": instant, "version": 2}
    return await connection.request("POST", f"/api/v1/appointments/{visit}/reschedule", body)
