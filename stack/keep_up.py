"""The supervisor process of one home: starts the stack, executes commands, stops the stack."""

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from stack import run_state
from stack.bring_up import BringUp, Reporter, plain_url
from stack.control import Answer, Request, Row, serve
from stack.errors import AlreadyUpError, NotReadyError
from stack.home import Home
from stack.names import EVERYTHING, EXTRAS, chosen
from stack.plan import Plan, make_plan
from stack.ports import Ports
from stack.settings import checked_settings
from stack.supervisor import CANCELLED_AGAIN_AFTER, Supervisor

LEFTOVERS_GONE_WITHIN = 15


async def keep_up(
    home: Home,
    report: Reporter,
    only: Collection[str],
    when_up: Callable[[run_state.RunState], None],
) -> None:
    """Start the stack, call `when_up`, and return after a command stopped it."""
    home.create()
    async with AsyncExitStack() as leaving:
        leaving.enter_context(_alone(home.lock_file))
        await _until_gone(run_state.read(home.run_file))
        home.run_file.unlink(missing_ok=True)
        ports = Ports()
        leaving.callback(ports.release)
        plan = make_plan(home, checked_settings(), ports, chosen(only, os.environ))
        keeper = Keeper(home, plan)
        leaving.push_async_callback(keeper.take_down)
        server = await serve(home.control_socket, keeper.handle)
        leaving.callback(server.close)
        await keeper.bring_up(report)
        when_up(keeper.state())
        await keeper.told_to_stop.wait()


class Keeper:
    """The running stack and its state file."""

    def __init__(self, home: Home, plan: Plan) -> None:
        self.told_to_stop = asyncio.Event()
        self._home = home
        self._plan = plan
        self._supervisor = Supervisor(home.logs, self._write_state)
        self._patients: list[run_state.Patient] = []
        self._up = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.told_to_stop.set)

    async def bring_up(self, report: Reporter) -> None:
        """Return when everything is ready. NotReadyError says what is not."""
        work = BringUp(self._plan, self._supervisor, report, self._home.logs).run()
        bringing_up = asyncio.create_task(work)
        stopping = asyncio.create_task(self.told_to_stop.wait())
        await asyncio.wait((bringing_up, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not bringing_up.done():
            while not bringing_up.done():
                bringing_up.cancel()
                await asyncio.wait((bringing_up,), timeout=CANCELLED_AGAIN_AFTER)
            raise NotReadyError("told to stop before all was ready")
        try:
            self._patients = await bringing_up
        except* Exception as errors:  # noqa: BLE001 - one of several is enough to tell
            raise _first(errors) from None
        self._up = True
        self._write_state()

    async def take_down(self) -> None:
        self._up = False
        self._home.run_file.unlink(missing_ok=True)
        await self._supervisor.stop_all()
        self._home.control_socket.unlink(missing_ok=True)

    async def handle(self, request: Request) -> Answer:
        """Execute one command of `make`."""
        match request["command"]:
            case "status":
                return {"rows": self._rows()}
            case "down":
                self.told_to_stop.set()
                return {}
            case "stop" | "start" as command:
                return await self._switch(command, request["name"])
            case unknown:
                return {"error": f"unknown command {unknown}"}

    async def _switch(self, command: str, name: str) -> Answer:
        kept = self._supervisor.kept.get(name)
        if kept is None:
            known = ", ".join(self._supervisor.kept)
            return {"error": f"there is no {name} here; there are {known}"}
        try:
            await (kept.stop() if command == "stop" else kept.start())
        except NotReadyError as error:
            return {"error": str(error)}
        return {}

    def state(self) -> run_state.RunState:
        plan, known = self._plan, {**os.environ, **self._plan.environment}
        state: run_state.RunState = {
            "api": plan.api,
            "temporalUi": plan.temporal_ui,
            "temporalAddress": known.get("TEMPORAL_ADDRESS"),
            "temporalNamespace": plan.namespace,
            "databaseUrl": plain_url(known.get("DATABASE_URL", "")) or None,
            "redisUrl": known.get("REDIS_URL"),
            "kafkaBootstrapServers": known.get("KAFKA_BOOTSTRAP_SERVERS"),
            "mailbox": plan.mailbox,
            "pids": _in_order(self._supervisor.pids()),
            "logs": str(self._home.logs),
            "patients": self._patients,
        }
        if plan.issuer is not None:
            state |= {"issuer": plan.issuer, "accounts": plan.accounts}
        if plan.prometheus is not None:
            state |= {"prometheus": plan.prometheus}
        if plan.pooler is not None:
            state |= {"poolerUrl": plan.pooler}
        return state

    def _rows(self) -> list[Row]:
        return [
            {
                "name": name,
                "state": kept.state.value,
                "pid": kept.pid,
                "port": kept.program.port,
                "since": kept.since.isoformat(),
                "restarts": kept.restarts,
            }
            for name, kept in self._supervisor.kept.items()
        ]

    def _write_state(self) -> None:
        if self._up:
            run_state.write(self._home.run_file, self.state())


def _in_order(pids: dict[str, int | None]) -> dict[str, int | None]:
    return {name: pids[name] for name in (*EVERYTHING, *EXTRAS) if name in pids}


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUpError from None
        yield


async def _until_gone(left_over: run_state.RunState | None) -> None:
    """Wait until the children of a killed supervisor have ended; they end by themselves."""
    pids = [pid for pid in (left_over or {"pids": {}})["pids"].values() if pid]
    for _ in range(LEFTOVERS_GONE_WITHIN * 10):
        if not any(_alive(pid) for pid in pids):
            return
        await asyncio.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first(errors: BaseException) -> BaseException:
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors
