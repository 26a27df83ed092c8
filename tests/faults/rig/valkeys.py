"""Valkey with a replica, and the address that follows the primary, as a managed one gives it."""

from dataclasses import dataclass, replace
from pathlib import Path

from redis.asyncio import Redis

from stack.home import write_private
from stack.program import Program
from stack.servers import valkey
from tests.faults.rig.proxy import Proxy


def node(name: str, folder: Path, port: int, password: str, *, primary: int | None) -> Program:
    """A Valkey that copies the one at the port `primary`, if there is one."""
    program = valkey.program(folder, port, password)
    lines = [f"requirepass {password}", f"masterauth {password}"]
    if primary is not None:
        lines.append(f"replicaof 127.0.0.1 {primary}")
    write_private(folder / valkey.CONFIGURATION, "\n".join(lines) + "\n")
    return replace(program, name=name)


@dataclass(kw_only=True)
class Pair:
    """Both nodes by port. The link leads to the primary."""

    ports: dict[str, int]
    password: str
    link: Proxy

    @property
    def primary(self) -> str:
        return next(name for name, port in self.ports.items() if port == self.link.target)

    @property
    def replica(self) -> str:
        return next(name for name in self.ports if name != self.primary)

    async def fail_over(self) -> None:
        """Promote the replica and lead everybody there."""
        promoted = self.replica
        await self._told(promoted, "NO", "ONE")
        self.link.target = self.ports[promoted]
        self.link.reset()

    async def follow(self) -> None:
        """The node that was away, and came back empty, copies the primary."""
        await self._told(self.replica, "127.0.0.1", str(self.ports[self.primary]))

    async def copies(self) -> bool:
        """Whether the replica has all that the primary has."""
        async with Redis.from_url(valkey.address(self.ports[self.primary], self.password)) as one:
            told = await one.info("replication")
        return any(
            str(key).startswith("slave") and each["state"] == "online"
            for key, each in told.items()
            if isinstance(each, dict)
        )

    async def _told(self, name: str, *of: str) -> None:
        async with Redis.from_url(valkey.address(self.ports[name], self.password)) as node:
            await node.replicaof(*of)
