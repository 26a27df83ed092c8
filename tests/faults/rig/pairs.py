"""Past one machine, on one: two of each process of ours, and servers that outlive a node's death.

Three Kafka brokers, production Temporal on a PostgreSQL of its own, PgBouncer before the clinic's,
Valkey with a replica. Patients come through a balancer that leads to the APIs that are ready.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from adapters.process.settings import product
from stack.accounts import unprivileged_account
from stack.bring_up import BringUp
from stack.embedded import SIGNED_OFF
from stack.home import Home
from stack.names import PROCESSES
from stack.plan import Plan, make_plan
from stack.probes import http_answers
from stack.program import Program
from stack.progress import Steps
from stack.servers import postgres, valkey
from stack.supervisor import State, Supervisor
from stack.supplies.pgbouncer import make_pgbouncer
from stack.supplies.temporal_server import make_temporal_server
from tests.faults.rig import production_temporal
from tests.faults.rig.balancer import Balancer
from tests.faults.rig.brokers import brokers
from tests.faults.rig.laying import FRONT
from tests.faults.rig.proxy import Proxy
from tests.faults.rig.stack import RESTARTS, AnyPorts, Stack, Unreported, take_time
from tests.faults.rig.valkeys import Pair, node

EACH = 2


@dataclass(kw_only=True)
class Pairs(Stack):
    """The stack, and its two Valkeys."""

    valkeys: Pair


@asynccontextmanager
async def stack_of_pairs(folder: Path, **settings: str) -> AsyncIterator[Pairs]:
    """Start it; stop and delete it when the block ends. MissingToolError says what is missing."""
    await asyncio.to_thread(_supply)
    home, ports = Home(folder), AnyPorts()
    home.create()
    supervisor = Supervisor(home.logs, lambda: None, RESTARTS)
    names = ("postgres", "pgbouncer", "valkey", "mailbox", *PROCESSES)
    plan = make_plan(home, product(), ports, names)
    pair = _with_a_replica(plan, home, ports)
    pairs = Pairs(home=home, plan=plan, supervisor=supervisor, valkeys=pair)
    pairs.links["processes", "valkey"] = pair.link
    try:
        made, plan.environment["KAFKA_BOOTSTRAP_SERVERS"] = brokers(home.root, ports)
        plan.servers |= made
        plan.environment["TEMPORAL_ADDRESS"] = await _temporal(home, ports, supervisor)
        plan.processes[:] = _doubled(plan, ports, {**SIGNED_OFF, **settings})
        pairs.links[FRONT, "api"] = Balancer(ports.take(), partial(_apis, pairs))
        for proxy in pairs.links.values():
            await proxy.open()
        take_time(plan)
        await BringUp(plan, supervisor, Unreported(), home.logs).run()
        yield pairs
    finally:
        await supervisor.stop_all()
        for proxy in pairs.links.values():
            await proxy.close()
        ports.release()
        home.delete()


def _supply() -> None:
    with Steps() as steps:
        make_temporal_server(steps)
        make_pgbouncer(steps)


def _apis(pairs: Pairs) -> list[int]:
    """The ports of the APIs that are ready, as an orchestrator's probes would tell."""
    kept = [each for name, each in pairs.supervisor.kept.items() if name.startswith("api-")]
    return [each.program.port for each in kept if each.state is State.READY and each.program.port]


def _with_a_replica(plan: Plan, home: Home, ports: AnyPorts) -> Pair:
    password = home.secret("valkey-password")
    first = urlsplit(plan.environment["REDIS_URL"]).port or 0
    at = {"valkey-1": first, "valkey-2": ports.take()}
    link = Proxy("processes → valkey", ports.take(), first)
    plan.environment["REDIS_URL"] = valkey.address(link.port, password)
    del plan.servers["valkey"]
    for name, port in at.items():
        primary = None if port == first else first
        plan.servers[name] = partial(node, name, home.root / name, port, password, primary=primary)
    return Pair(ports=at, password=password, link=link)


async def _temporal(home: Home, ports: AnyPorts, supervisor: Supervisor) -> str:
    """Start it before all others: its tables and its namespace are made at its first start."""
    add = supervisor.add_wave()
    account, password, port = unprivileged_account(), home.secret("temporal-password"), ports.take()
    folder = home.postgres_folder(account) / "of-temporal"
    data = await asyncio.to_thread(postgres.initialise, folder, password, account)
    await add(replace(postgres.program(data, port, password), name="temporal-postgres")).start()
    url = postgres.address(port, password)
    await asyncio.to_thread(production_temporal.lay_out, url)
    server = production_temporal.described(home.root / "temporal", url, ports)
    await add(server.program).start()
    await production_temporal.make_namespace(server)
    return server.address


def _doubled(plan: Plan, ports: AnyPorts, settings: Mapping[str, str]) -> list[Program]:
    """Two of each process, the second at a port of its own."""
    own = {name: plan.environment[name] for name in ("KAFKA_BOOTSTRAP_SERVERS", "TEMPORAL_ADDRESS")}
    told = {"PRIYOM_LOG_FORMAT": "json", **own, "REDIS_URL": plan.environment["REDIS_URL"]}
    return [
        _one_of(program, number, ports.take(), {**told, **settings})
        for program in plan.processes
        for number in range(1, EACH + 1)
    ]


def _one_of(program: Program, number: int, port: int, settings: Mapping[str, str]) -> Program:
    variable = "PRIYOM_API_PORT" if program.name == "api" else "PRIYOM_HEALTH_PORT"
    return replace(
        program,
        name=f"{program.name}-{number}",
        env={**program.env, **settings, variable: str(port)},
        ready=partial(http_answers, f"http://127.0.0.1:{port}/readyz"),
        port=port,
    )
