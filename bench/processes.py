"""What processes use: seconds of CPU, memory; and how they are paused."""

import asyncio
import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil

from stack.control import Request, ask
from stack.errors import StackError
from stack.home import Home


def tree_of(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, those that have ended included."""
    total = 0.0
    for each in tree_of(pid):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
            total += times.children_user + times.children_system if each.pid == pid else 0.0
    return total


def own_cpu_seconds() -> float:
    """This process alone: peers are children of it, and counted by themselves."""
    times = psutil.Process().cpu_times()
    used: float = times.user + times.system
    return used


def machine_busy_seconds() -> float:
    """Of all cores together, whoever used them; what the host took away (steal) as well."""
    times = psutil.cpu_times()
    names = ("user", "nice", "system", "irq", "softirq", "steal")
    return sum(getattr(times, name, 0.0) for name in names)


def memory(pid: int) -> int:
    """Proportional set size of a process and its children, bytes: shared pages count once."""
    return sum(_proportional(each) for each in tree_of(pid))


def pause(pids: Iterable[int]) -> None:
    """Stop them where they are: they use nothing until `resume`."""
    _signal(pids, signal.SIGSTOP)


def resume(pids: Iterable[int]) -> None:
    _signal(pids, signal.SIGCONT)


async def tell_supervisor(home: Home, command: str, name: str) -> None:
    """`stop` or `start` one part of a stack; returns when it is so."""
    answer = await asyncio.to_thread(ask, home.control_socket, Request(command=command, name=name))
    if "error" in answer:
        raise StackError(answer["error"])


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            for each in tree_of(pid):
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)


def _proportional(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        size: int = process.memory_full_info().pss
        return size
    return 0
