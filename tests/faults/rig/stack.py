"""A whole stack, supervised by this process, with a proxy on every link between its parts."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil

from adapters.process.settings import product
from stack.bring_up import BringUp
from stack.embedded import SIGNED_OFF, running, unhurried
from stack.home import CHECKOUT, Home
from stack.names import chosen
from stack.plan import Plan, make_plan
from stack.ports import Ports
from stack.probes import http_answers
from stack.program import Program
from stack.supervisor import Backoff, Kept, State, Supervisor
from tests.faults.rig.laying import (
    FRONT,
    LINKS,
    VARIABLES,
    laid_links,
    let_kafka_name,
    send_processes_over,
)
from tests.faults.rig.proxy import Proxy

HOLD_SECONDS = 8
READY_WITHIN = 180.0
"""Seconds until all parts are back: a machine that has other work starts them slowly."""

RESTARTS = Backoff(first=0.5, most=2, steady=3)
"""Shorter than the product's, so that a case need not wait long."""


class AnyPorts(Ports):
    """Never the default ports: `make up` uses them on this machine."""

    def take(self, _preferred: int | None = None) -> int:
        return super().take()


class Unreported:
    """A start that nobody watches."""

    def begin(self, name: str) -> None: ...
    def finish(self, name: str) -> None: ...
    def fail(self, name: str) -> None: ...


@dataclass(kw_only=True)
class Stack:
    """The running parts by name, and the links by (client, server)."""

    home: Home
    plan: Plan
    supervisor: Supervisor
    links: dict[tuple[str, str], Proxy] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    retired: set[str] = field(default_factory=set)

    def link(self, client: str, server: str) -> Proxy:
        return self.links[client, server]

    def links_of(self, *, client: str = "", server: str = "") -> list[Proxy]:
        """All links from that client, or to that server."""
        return [
            proxy
            for (of, to), proxy in self.links.items()
            if client in {of, ""} and server in {to, ""}
        ]

    @property
    def api(self) -> str:
        """The API's URL through the front end's link."""
        return f"http://127.0.0.1:{self.link(FRONT, 'api').port}"

    def address(self, server: str) -> str:
        """The address of the server itself, for observers that bypass the proxies."""
        return self.plan.environment[VARIABLES[server]]

    @property
    def secret(self) -> bytes:
        return self.plan.environment["PRIYOM_SECRET"].encode()

    def kept(self, name: str) -> Kept:
        return self.supervisor.kept[name]

    def pid(self, name: str) -> int:
        pid = self.kept(name).pid
        assert pid is not None, f"{name} does not run"
        return pid

    def kill(self, name: str) -> None:
        """kill -9 it and its children; the supervisor restarts it."""
        for process in _family(self.pid(name)):
            _signal(process, signal.SIGKILL)

    def kill_child(self, name: str) -> None:
        """kill -9 one of the processes that it has started; it goes on, and replaces that one."""
        _signal(psutil.Process(self.pid(name)).children()[0], signal.SIGKILL)

    async def kill_and_hold_down(self, name: str) -> None:
        self.kill(name)
        await self.kept(name).stop()

    async def stop(self, name: str) -> None:
        """Stop it as operations do, and hold it down until `start` or the end of the case."""
        await self.kept(name).stop()

    async def start(self, name: str) -> None:
        await self.kept(name).start()

    def pause(self, name: str) -> None:
        """Send SIGSTOP to it and its children."""
        for process in _family(self.pid(name)):
            _signal(process, signal.SIGSTOP)
            self.stopped.add(process.pid)

    def resume(self, name: str) -> None:
        for process in _family(self.pid(name)):
            _signal(process, signal.SIGCONT)
            self.stopped.discard(process.pid)

    async def retire(self, name: str) -> None:
        """Stop it for good: the healing does not start it again."""
        self.retired.add(name)
        await self.stop(name)

    @asynccontextmanager
    async def another(
        self,
        name: str,
        argv: list[str] | None = None,
        *,
        checkout: Path = CHECKOUT,
        **environment: str,
    ) -> AsyncIterator[int]:
        """Run one more process of that kind over the same links, while the block runs: its port."""
        ports = AnyPorts()
        port, like = ports.take(), self.kept(name).program
        listens = "PRIYOM_API_PORT" if name == "api" else "PRIYOM_HEALTH_PORT"
        program = replace(
            like,
            name=f"{name}-2",
            argv=argv or like.argv,
            env={**like.env, listens: str(port), **environment},
            ready=partial(http_answers, f"http://127.0.0.1:{port}/readyz"),
            folder=checkout,
        )
        try:
            async with running(program, self.home.logs):
                yield port
        finally:
            ports.release()

    @asynccontextmanager
    async def told(self, name: str, **environment: str) -> AsyncIterator[None]:
        """Restart the process with other variables, and with the original ones after the block."""
        kept = self.kept(name)
        before = kept.program
        try:
            await self._as(kept, replace(before, env={**before.env, **environment}))
            yield
        finally:
            await self._as(kept, before)

    @staticmethod
    async def _as(kept: Kept, program: Program) -> None:
        await kept.stop()
        kept.program = program
        await kept.start()

    async def heal(self) -> None:
        """Heal every link; wait until every part is ready. TimeoutError says what is not."""
        for pid in list(self.stopped):
            if psutil.pid_exists(pid):
                _signal(psutil.Process(pid), signal.SIGCONT)
        self.stopped.clear()
        for proxy in self.links.values():
            await proxy.heal()
        held = [k for k in self._in_service().values() if k.state is State.HELD]
        await asyncio.gather(*(kept.start() for kept in held))
        await self.ready()

    def _in_service(self) -> dict[str, Kept]:
        kept = self.supervisor.kept
        return {name: each for name, each in kept.items() if name not in self.retired}

    async def ready(self, *, within: float = READY_WITHIN) -> None:
        """Wait until every process answers over its links."""
        waiting = self._in_service()
        try:
            async with asyncio.timeout(within):
                while waiting:
                    for name, kept in list(waiting.items()):
                        if kept.state is State.READY and await kept.program.ready():
                            del waiting[name]
                    await asyncio.sleep(0.05 if waiting else 0)
        except TimeoutError:
            raise TimeoutError(f"not ready within {within:g} s: {', '.join(waiting)}") from None


def as_planned(_: Plan) -> None:
    """Nothing is altered."""


def take_time(plan: Plan) -> None:
    """Let every part start as slowly as a busy machine starts it."""

    def started_slowly(make: Callable[[], Program]) -> Program:
        return unhurried(make())

    plan.servers = {name: partial(started_slowly, make) for name, make in plan.servers.items()}
    plan.processes[:] = map(unhurried, plan.processes)


@asynccontextmanager
async def stack_of_links(
    folder: Path,
    *,
    between: Mapping[str, Sequence[str]] = LINKS,
    alter: Callable[[Plan], None] = as_planned,
    **settings: str,
) -> AsyncIterator[Stack]:
    """Start a stack through proxies; stop and delete it when the block ends."""
    home, ports = Home(folder), AnyPorts()
    home.create()
    supervisor = Supervisor(home.logs, lambda: None, RESTARTS)
    plan = make_plan(home, product(), ports, chosen((), SIGNED_OFF))
    stack = Stack(home=home, plan=plan, supervisor=supervisor)
    alter(plan)
    stack.links.update(laid_links(plan, ports, between))
    send_processes_over(stack.links, plan, {"PRIYOM_LOG_FORMAT": "json", **SIGNED_OFF, **settings})
    let_kafka_name(stack.links, plan, ports)
    take_time(plan)
    try:
        for proxy in stack.links.values():
            await proxy.open()
        await BringUp(plan, supervisor, Unreported(), home.logs).run()
        yield stack
    finally:
        for pid in stack.stopped:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGCONT)
        await supervisor.stop_all()
        for proxy in stack.links.values():
            await proxy.close()
        ports.release()
        home.delete()


def _family(pid: int) -> Iterable[psutil.Process]:
    """PostgreSQL's backends have sessions of their own, so a signal to the group misses them."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
