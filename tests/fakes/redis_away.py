"""A Redis that is away, in every way in which its clients say so."""

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

FAULTS = (
    RedisConnectionError("closed"),
    ConnectionResetError("by peer"),
    TimeoutError("too late"),
    RuntimeError("unable to perform operation on <TCPTransport closed=True>"),
)
"""The last is uvloop's, of a connection that was reset a moment ago."""


class RedisAway(Redis):
    """Answers every call with this fault."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self._fault = fault

    async def execute_command(self, *_words: object, **_options: object) -> object:
        raise self._fault
