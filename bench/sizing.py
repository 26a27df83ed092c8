"""Who is the first to have no time left: `python -m bench.sizing`.

The same load on one or more processes of the API and the worker, in turns on one stack: bookings
a second, and how many cores each kind of process used. An API process has one worker's direct line.
With `--shards` Temporal is the production server, on a PostgreSQL of its own.
"""

import argparse
import asyncio
import json
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from adapters.process.exit import exit_process
from bench import report
from bench.engines import Engine
from bench.figures import Turn, quantiles
from bench.production_temporal import ProductionTemporal, build, production_temporal
from bench.stand import Size, Stand, stand
from stack.embedded import running
from stack.ports import LOOPBACK, Ports
from stack.prepare import prepare
from stack.probes import http_answers
from stack.program import Program
from stack.progress import Steps

CORES = os.cpu_count() or 1
SIZE = Size(rows=10_000, doctors=220, days=28)
SHAPES = ("1x1", "2x1", "2x2")
WARMED_SECONDS = 3.0

Found = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many processes of each kind; never fewer of the API's than of the workers."""

    apis: int
    workers: int

    @classmethod
    def of(cls, written: str) -> "Shape":
        apis, workers = written.split("x")
        return cls(apis=int(apis), workers=int(workers))

    @property
    def name(self) -> str:
        return f"{self.apis} api, {self.workers} worker"


def main() -> int:
    options = _options()
    prepare()
    if options.shards:
        build(Steps())
    found: Found = {
        "command": shlex.join(["python", "-m", "bench.sizing", *sys.argv[1:]]),
        "cores": CORES,
        "turns": asyncio.run(_shapes(options)),
    }
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


async def _shapes(options: argparse.Namespace) -> list[Found]:
    shapes = [Shape.of(each) for each in options.shapes]
    done: list[Found] = []
    async with AsyncExitStack() as things:
        settings = {"PRIYOM_AUDIT_SECONDS": "3600"}
        temporal = await things.enter_async_context(_temporal(options))
        if temporal is not None:
            settings["TEMPORAL_ADDRESS"] = temporal.address
        place = await things.enter_async_context(stand(settings))
        await place.make(SIZE)
        await place.put(SIZE)
        for number in range(1, options.rounds + 1):
            for shape in shapes if number % 2 else reversed(shapes):
                async with _more(place, shape, temporal) as engine:
                    done += await _turns(place, engine, number, options)
    _tell(done)
    return done


@asynccontextmanager
async def _temporal(options: argparse.Namespace) -> AsyncIterator[ProductionTemporal | None]:
    """None for the one that the stack starts."""
    if not options.shards:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="priyom-sizing-") as folder:
        async with production_temporal(
            Path(folder), shards=options.shards, tuned=options.tuned
        ) as temporal:
            yield temporal


async def _turns(
    place: Stand, engine: Engine, number: int, options: argparse.Namespace
) -> list[Found]:
    warm = Turn(engine=engine.name, round=0, users=8)
    await place.load(SIZE, engine, warm, seconds=WARMED_SECONDS)
    done = []
    for users in options.users:
        turn = Turn(engine=engine.name, round=number, users=users)
        await place.load(SIZE, engine, turn, seconds=options.seconds)
        print(report.line(turn, CORES), flush=True)
        done.append(_measured(turn))
    return done


@asynccontextmanager
async def _more(
    place: Stand, shape: Shape, temporal: ProductionTemporal | None
) -> AsyncIterator[Engine]:
    """The stack's own processes, and those that the shape has beside them."""
    pids, urls, lines = list(place.engine.pids), [place.api], [_environment(place, "worker")]
    pids += temporal.pids if temporal else ()
    async with AsyncExitStack() as things:
        ports = Ports()
        things.callback(ports.release)
        for number in range(1, shape.workers):
            environment = {
                **_environment(place, "worker"),
                "PRIYOM_HEALTH_PORT": str(ports.take()),
                "PRIYOM_DIRECT_LINE_PORT": str(ports.take()),
            }
            port = environment["PRIYOM_HEALTH_PORT"]
            program = _program("worker", number, environment, port)
            process = await things.enter_async_context(running(program, place.home.root))
            pids.append(("worker", process.pid))
            lines.append(environment)
        for number in range(1, shape.apis):
            line = lines[number % len(lines)]["PRIYOM_DIRECT_LINE_PORT"]
            port = str(ports.take())
            environment = {
                **_environment(place, "api"),
                "PRIYOM_API_PORT": port,
                "PRIYOM_DIRECT_LINE": f"{LOOPBACK}:{line}",
            }
            program = _program("api", number, environment, port)
            process = await things.enter_async_context(running(program, place.home.root))
            pids.append(("api", process.pid))
            urls.append(f"http://{LOOPBACK}:{port}")
        yield replace(place.engine, name=shape.name, urls=tuple(urls), pids=tuple(pids))


def _environment(place: Stand, name: str) -> dict[str, str]:
    """What the stack has told this process."""
    environment: dict[str, str] = psutil.Process(place.state["pids"][name]).environ()
    return environment


def _program(name: str, number: int, environment: dict[str, str], port: str) -> Program:
    return Program(
        name=f"{name}-{number + 1}",
        argv=[sys.executable, "-m", name],
        env=environment,
        ready=partial(http_answers, f"http://{LOOPBACK}:{port}/readyz"),
        port=int(port),
        grace=20,
    )


def _measured(turn: Turn) -> Found:
    """`cores`: seconds of CPU a second of the turn, its drain included."""
    seconds = turn.seconds + turn.drain_seconds
    cpu = turn.cpu_ms()
    cores = {name: ms * turn.bookings / 1000 / seconds for name, ms in cpu.items()}
    return {
        "shape": turn.engine,
        "round": turn.round,
        "users": turn.users,
        "rate": round(turn.rate, 2),
        "heldMs": quantiles(turn.held_ms),
        "cpuMs": {name: round(ms, 2) for name, ms in cpu.items()},
        "cores": {name: round(each, 3) for name, each in cores.items()},
        "refused": turn.refused,
        "others": round(turn.others(CORES), 3),
    }


def _tell(done: Sequence[Found]) -> None:
    for shape, users in dict.fromkeys((turn["shape"], turn["users"]) for turn in done):
        some = [turn for turn in done if (turn["shape"], turn["users"]) == (shape, users)]
        rate = statistics.median(turn["rate"] for turn in some)
        cores = report.medians([turn["cores"] for turn in some])
        named = ", ".join(f"{name} {each:.2f}" for name, each in cores.items() if each > 0.01)
        print(f"{shape:<18} {users:>3} users {rate:6.1f}/s  cores: {named}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.sizing", description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="APIs x workers")
    parser.add_argument("--shards", type=int, help="of a production Temporal on PostgreSQL")
    parser.add_argument("--tuned", action="store_true", help="its queues as ours are read")
    parser.add_argument("--users", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--seconds", type=float, default=6, help="of a turn, warm-up excluded")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("sizing-results.json"))
    options = parser.parse_args()
    if options.tuned and not options.shards:
        parser.error("--tuned is for the production Temporal: say --shards as well")
    return options


if __name__ == "__main__":
    exit_process(main())
