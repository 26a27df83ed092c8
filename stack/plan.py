"""The programs of one stack: where they listen and what environment they get."""

import os
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial

from adapters.postgres.application_role import APPLICATION
from adapters.process.settings import Product
from stack.accounts import unprivileged_account
from stack.demo_accounts import demo_accounts
from stack.home import Home
from stack.names import PROCESSES
from stack.ports import LOOPBACK, Ports
from stack.probes import http_answers
from stack.program import Program
from stack.run_state import DemoAccount
from stack.servers import issuer, kafka, pgbouncer, postgres, prometheus, temporal, valkey

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound

GIVES_WAY = 10
"""Niceness. Messages are sent after the answer, so on two cores bookings go first."""


@dataclass(kw_only=True)
class Plan:
    """Servers are created by a call: initialising their data may take seconds."""

    namespace: str
    servers: dict[str, Callable[[], Program]] = field(default_factory=dict)
    processes: list[Program] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    of_processes: dict[str, str] = field(default_factory=dict)
    """What our processes are told in the place of `environment`, which names the owner."""

    of_migrations: dict[str, str] = field(default_factory=dict)
    api: str | None = None
    temporal_ui: str | None = None
    mailbox: str | None = None
    issuer: str | None = None
    prometheus: str | None = None
    pooler: str | None = None
    """For the owner, as `environment` names it; the processes' own is in `of_processes`."""

    accounts: list[DemoAccount] = field(default_factory=list)
    seeded: bool = True
    seals_payloads: bool = False


def make_plan(home: Home, settings: Product, ports: Ports, names: Collection[str]) -> Plan:
    plan = Plan(
        namespace=os.environ.get("TEMPORAL_NAMESPACE") or "default",
        seeded=settings.seed == "on",
        seals_payloads=bool(settings.keys_of_payloads),
    )
    plan.environment = {
        "PRIYOM_HOME": str(home.root),
        "PRIYOM_SECRET": settings.secret.get_secret_value() or home.secret("secret"),
        "TEMPORAL_NAMESPACE": plan.namespace,
    }
    add = {
        "postgres": _add_postgres,
        "valkey": _add_valkey,
        "kafka": _add_kafka,
        "temporal": _add_temporal,
        "mailbox": _add_mailbox,
    }
    for name, add_server in add.items():
        if name in names:
            add_server(plan, home, ports)
    if {"postgres", "pgbouncer"} <= set(names):
        _add_pgbouncer(plan, home, ports)
    if "api" in names:
        port = ports.take(settings.api_port)
        host = LOOPBACK if settings.api_host in EVERY_ADDRESS else settings.api_host
        plan.api = f"http://{host}:{port}"
        plan.environment.setdefault(
            "PRIYOM_PUBLIC_URL", os.environ.get("PRIYOM_PUBLIC_URL", plan.api)
        )
    if "issuer" in names and plan.api is not None:
        _add_issuer(plan, home, ports)
    watched = ports.take(9090) if "prometheus" in names else None
    if watched is not None:
        plan.prometheus = prometheus.address(watched)
        plan.environment["PRIYOM_PROMETHEUS_URL"] = plan.prometheus
    for name in PROCESSES:
        if name in names:
            plan.processes.append(_process(plan, name, ports))
    if watched is not None:
        _add_prometheus(plan, home, watched)
    return plan


def _add_postgres(plan: Plan, home: Home, ports: Ports) -> None:
    port, password = ports.take(5432), home.secret("postgres-password")
    account = unprivileged_account()
    plan.environment["DATABASE_URL"] = postgres.address(port, password)
    plan.environment["DATABASE_DIRECT_URL"] = ""
    application = home.secret("application-password")
    plan.of_migrations["APPLICATION_PASSWORD"] = application
    plan.of_processes["DATABASE_URL"] = postgres.address(port, application, user=APPLICATION)

    def make() -> Program:
        data = postgres.initialise(home.postgres_folder(account), password, account)
        return postgres.program(data, port, password)

    plan.servers["postgres"] = make


def _add_pgbouncer(plan: Plan, home: Home, ports: Ports) -> None:
    """Our processes have it in the place of PostgreSQL, but for what a session keeps."""
    port, account = ports.take(6432), unprivileged_account()
    urls = [plan.environment["DATABASE_URL"], plan.of_processes["DATABASE_URL"]]
    plan.pooler, pooled = (pgbouncer.at_port(each, port) for each in urls)
    plan.of_processes |= {"DATABASE_URL": pooled, "DATABASE_DIRECT_URL": urls[1]}

    def make() -> Program:
        folder = home.postgres_folder(account)
        configuration = pgbouncer.initialise(folder, urls, port, account)
        return pgbouncer.program(configuration, urls[0], port)

    plan.servers["pgbouncer"] = make


def _add_valkey(plan: Plan, home: Home, ports: Ports) -> None:
    port, password = ports.take(6379), home.secret("valkey-password")
    plan.environment["REDIS_URL"] = valkey.address(port, password)
    plan.servers["valkey"] = partial(valkey.program, home.root / "valkey", port, password)


def _add_kafka(plan: Plan, home: Home, ports: Ports) -> None:
    port, controller_port = ports.take(9092), ports.take()
    plan.environment["KAFKA_BOOTSTRAP_SERVERS"] = kafka.address(port)

    def make() -> Program:
        return kafka.program(kafka.initialise(home.root / "kafka", port, controller_port), port)

    plan.servers["kafka"] = make


def _add_temporal(plan: Plan, home: Home, ports: Ports) -> None:
    taken = temporal.TemporalPorts.take(ports, grpc=7233, ui=8233)
    plan.environment["TEMPORAL_ADDRESS"] = temporal.address(taken.grpc)
    plan.temporal_ui = f"http://{LOOPBACK}:{taken.ui}"
    plan.environment["PRIYOM_TEMPORAL_UI_URL"] = plan.temporal_ui
    database = home.root / "temporal" / "temporal.db"

    def make() -> Program:
        codec = f"{plan.api}/codec" if plan.api and plan.seals_payloads else None
        return temporal.program(database, taken, plan.namespace, codec=codec)

    plan.servers["temporal"] = make


def _add_mailbox(plan: Plan, _: Home, ports: Ports) -> None:
    smtp, http = ports.take(1025), ports.take(8025)
    plan.mailbox = f"http://{LOOPBACK}:{http}"
    plan.environment["PRIYOM_MAILBOX_URL"] = plan.mailbox
    for name, url in (
        ("SMTP_URL", f"smtp://{LOOPBACK}:{smtp}"),
        ("SMS_GATEWAY_URL", f"{plan.mailbox}/sms"),
    ):
        plan.environment[name] = os.environ.get(name) or url
    arguments = ("--smtp-port", str(smtp), "--http-port", str(http))
    program = Program(
        name="mailbox",
        argv=[sys.executable, "-m", "stack.mailbox", *arguments],
        ready=partial(http_answers, f"{plan.mailbox}/messages"),
        port=http,
        niceness=GIVES_WAY,
    )
    plan.servers["mailbox"] = lambda: program


def _add_issuer(plan: Plan, home: Home, ports: Ports) -> None:
    port, secret = ports.take(8180), home.secret("issuer-secret")
    plan.issuer = issuer.address(port)
    plan.accounts = demo_accounts(secret, seeded=plan.seeded)
    plan.environment |= {
        "PRIYOM_OIDC_ISSUER": plan.issuer,
        "PRIYOM_OIDC_AUDIENCE": issuer.AUDIENCE,
        "PRIYOM_OIDC_CLIENT_ID": issuer.CLIENT,
        "PRIYOM_OIDC_CLIENT_SECRET": secret,
    }
    pages = plan.environment["PRIYOM_PUBLIC_URL"].rstrip("/")

    def make() -> Program:
        folder = issuer.initialise(
            home.root / "issuer", port, plan.accounts, secret=secret, pages=pages
        )
        return issuer.program(folder, port)

    plan.servers["issuer"] = make


def _add_prometheus(plan: Plan, home: Home, port: int) -> None:
    """Last of all: it watches the processes."""
    targets = {each.name: f"{LOOPBACK}:{each.port}" for each in plan.processes}
    sign_in = None
    if plan.issuer is not None:
        account = next(each for each in plan.accounts if each["role"] == "operations")
        sign_in = prometheus.SignIn(
            token_url=f"{plan.issuer}/token",
            secret=home.secret("issuer-secret"),
            username=account["username"],
            password=account["password"],
        )
    watch = prometheus.Watch(targets=targets, sign_in=sign_in)

    def make() -> Program:
        folder = prometheus.initialise(home.root / "prometheus", watch)
        return prometheus.program(folder, port)

    plan.servers["prometheus"] = make


def _process(plan: Plan, name: str, ports: Ports) -> Program:
    """One of our processes. The API listens where the plan says, the others for health only."""
    if name == "api" and plan.api is not None:
        base = plan.api
        port = int(base.rsplit(":", 1)[1])
        own = {"PRIYOM_API_PORT": str(port)}
    else:
        port = ports.take()
        base = f"http://{LOOPBACK}:{port}"
        own = {"PRIYOM_HEALTH_PORT": str(port)}
    return Program(
        name=name,
        argv=[sys.executable, "-m", name],
        env={**plan.environment, **plan.of_processes, **own},
        ready=partial(http_answers, f"{base}/readyz"),
        port=port,
        grace=20,
        niceness=GIVES_WAY if name == "notifier" else 0,
    )
