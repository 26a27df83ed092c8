"""Puts a proxy between each process and each server that it talks to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from stack.names import PROCESSES
from stack.plan import Plan
from stack.ports import Ports
from stack.program import Program
from tests.faults.rig.proxy import Proxy

Links = dict[tuple[str, str], Proxy]

FRONT = "front"
"""The patient's front end, the client of the API."""

VARIABLES = {
    "postgres": "DATABASE_URL",
    "valkey": "REDIS_URL",
    "kafka": "KAFKA_BOOTSTRAP_SERVERS",
    "temporal": "TEMPORAL_ADDRESS",
    "smtp": "SMTP_URL",
    "sms": "SMS_GATEWAY_URL",
}
LINKS = {
    "api": ("postgres", "valkey", "kafka", "temporal"),
    "worker": ("postgres", "valkey", "kafka", "temporal"),
    "notifier": ("postgres", "kafka", "temporal", "smtp", "sms"),
}


def laid_links(plan: Plan, ports: Ports, between: Mapping[str, Sequence[str]] = LINKS) -> Links:
    """One proxy for each of these links, and one between the front end and the API."""
    links: Links = {}
    for client, servers in between.items():
        for server in servers:
            target = _port(_address(plan, client, server))
            links[client, server] = Proxy(f"{client} → {server}", ports.take(), target)
    assert plan.api is not None
    links[FRONT, "api"] = Proxy(f"{FRONT} → api", ports.take(), _port(plan.api))
    return links


def _address(plan: Plan, client: str, server: str) -> str:
    return next(p for p in plan.processes if p.name == client).env[VARIABLES[server]]


def send_processes_over(links: Links, plan: Plan, settings: Mapping[str, str]) -> None:
    def over_links(program: Program) -> Program:
        own = {
            VARIABLES[server]: _at_port(
                program.env[VARIABLES[server]], links[program.name, server].port
            )
            for server in LINKS[program.name]
            if (program.name, server) in links
        }
        return replace(program, env={**program.env, **own, **settings})

    assert {program.name for program in plan.processes} == set(PROCESSES)
    plan.processes[:] = map(over_links, plan.processes)


def let_kafka_name(links: Links, plan: Plan, ports: Ports) -> None:
    """Give each client a Kafka listener of its own, because a client follows advertised addresses.

    The proxy's target becomes that listener, which advertises the proxy's port.
    """
    make = plan.servers["kafka"]
    proxies = {client: links[client, "kafka"] for client in LINKS if (client, "kafka") in links}
    for proxy in proxies.values():
        proxy.target = ports.take()

    def make_with_more_listeners() -> Program:
        program = make()
        file = program.folder / program.argv[-1]
        lines = [_with_listeners(line, proxies) for line in file.read_text().splitlines()]
        file.write_text("\n".join(lines) + "\n")
        return program

    plan.servers["kafka"] = make_with_more_listeners


def _with_listeners(line: str, proxies: dict[str, Proxy]) -> str:
    more: dict[str, Callable[[str, Proxy], str]] = {
        "listeners=": lambda name, proxy: f"{name}://127.0.0.1:{proxy.target}",
        "advertised.listeners=": lambda name, proxy: f"{name}://127.0.0.1:{proxy.port}",
        "listener.security.protocol.map=": lambda name, _: f"{name}:PLAINTEXT",
    }
    for start, word in more.items():
        if line.startswith(start):
            words = (word(client.upper(), proxy) for client, proxy in proxies.items())
            return ",".join((line, *words))
    return line


def _port(address: str) -> int:
    return int(urlsplit(address if "://" in address else f"//{address}").port or 0)


def _at_port(address: str, port: int) -> str:
    if "://" not in address:
        return f"127.0.0.1:{port}"
    parts = urlsplit(address)
    before, _, _ = parts.netloc.rpartition(":")
    return urlunsplit(parts._replace(netloc=f"{before}:{port}"))
