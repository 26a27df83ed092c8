"""What the benchmark computes from its turns: quantiles, costs a booking, ratios, medians."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

PRODUCT = "product"
WITH_NOTIFIER = "product+notifier"
"""The product with every message sent; no peer sends any, so it is compared with none."""

OURS = (PRODUCT, WITH_NOTIFIER)
NOISY = 0.1
"""Of the machine, used by others: on a quiet one the kernel's work stays below a third of it."""

SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Counters of one engine at one instant: CPU by process in seconds, and PostgreSQL's.

    `busy` is what all cores together have worked, for whomever.
    """

    at: float
    busy: float
    cpu: Mapping[str, float]
    transactions: int
    wal_bytes: int
    wal_flushes: int


@dataclass(kw_only=True)
class Turn:
    """What one engine did in one turn of one round."""

    engine: str
    round: int
    users: int
    seconds: float = 0.0
    drain_seconds: float = 0.0
    """From the last answer until everything was announced, and told where messages are sent."""
    held_ms: list[float] = field(default_factory=list)
    confirmed_ms: list[float] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    warmed: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    reads: dict[int, int] = field(default_factory=dict)
    """Answers of those who read meanwhile, by status."""
    reading_seconds: float = 0.0
    before: Counted | None = None
    after: Counted | None = None

    @property
    def rate(self) -> float:
        """Confirmed bookings a second, while the users were at it."""
        return len(self.confirmed) / self.seconds if self.seconds else 0.0

    @property
    def answered(self) -> list[str]:
        """The appointments whose confirmation was answered, the warm-up's included."""
        return self.warmed + self.confirmed

    def cpu_ms(self) -> dict[str, float]:
        """CPU-ms a booking by process, until everything was announced."""
        if self.before is None or self.after is None:
            return {}
        spent = {
            name: used - self.before.cpu.get(name, 0.0) for name, used in self.after.cpu.items()
        }
        return {name: seconds * 1000 / self.bookings for name, seconds in spent.items()}

    @property
    def announced_rate(self) -> float:
        """Bookings a second until the last was announced: what could go on for hours."""
        spent = self.seconds + self.drain_seconds
        return len(self.confirmed) / spent if spent else 0.0

    @property
    def read_rate(self) -> float:
        """Reads a second beside the bookings; 0 where nobody read."""
        return sum(self.reads.values()) / self.reading_seconds if self.reading_seconds else 0.0

    @property
    def bookings(self) -> int:
        return max(1, len(self.confirmed))

    def others(self, cores: int) -> float:
        """The share of the machine that somebody else used meanwhile: 0 on a quiet one."""
        if self.before is None or self.after is None:
            return 0.0
        own = sum(self.after.cpu.values()) - sum(self.before.cpu.values())
        there = (self.after.at - self.before.at) * cores
        return max(0.0, (self.after.busy - self.before.busy - own) / there) if there else 0.0

    def of_postgres(self) -> dict[str, float]:
        """Transactions, WAL bytes and WAL flushes a booking."""
        if self.before is None or self.after is None:
            return {}
        return {
            "transactions": (self.after.transactions - self.before.transactions) / self.bookings,
            "wal_bytes": (self.after.wal_bytes - self.before.wal_bytes) / self.bookings,
            "wal_flushes": (self.after.wal_flushes - self.before.wal_flushes) / self.bookings,
        }


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that so many of all are not above; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0


def quantiles(values: Sequence[float]) -> dict[str, float]:
    return {name: quantile(values, share) for name, share in SHARES.items()}


def quietest(tries: Sequence[Turn], cores: int) -> Turn:
    """The one of several tries of a turn that others disturbed least."""
    return min(tries, key=lambda turn: turn.others(cores))


def measures(turn: Turn) -> dict[str, float]:
    """What two engines are compared by."""
    return {
        "rate": turn.rate,
        "announced_rate": turn.announced_rate,
        "held_p50": quantile(turn.held_ms, 0.5),
        "held_p99": quantile(turn.held_ms, 0.99),
        "confirmed_p50": quantile(turn.confirmed_ms, 0.5),
        "cpu_ms": sum(ms for name, ms in turn.cpu_ms().items() if name != "client"),
        "read_rate": turn.read_rate,
    }


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Product / peer of one measure, round by round of one number of users."""

    peer: str
    users: int
    measure: str
    by_round: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.by_round)


def ratios(turns: Sequence[Turn]) -> list[Ratio]:
    """Each pair from the same round: a machine's mood moves both."""
    found: list[Ratio] = []
    by_key = {(turn.engine, turn.users, turn.round): measures(turn) for turn in turns}
    peers = [name for name in dict.fromkeys(turn.engine for turn in turns) if name not in OURS]
    rounds = sorted({turn.round for turn in turns})
    for peer in peers:
        for users in dict.fromkeys(turn.users for turn in turns):
            pairs = [
                (by_key[PRODUCT, users, number], by_key[peer, users, number])
                for number in rounds
                if (PRODUCT, users, number) in by_key and (peer, users, number) in by_key
            ]
            for measure in measures(turns[0]):
                by_round = tuple(
                    ours[measure] / theirs[measure] for ours, theirs in pairs if theirs[measure]
                )
                if by_round:
                    found.append(Ratio(peer=peer, users=users, measure=measure, by_round=by_round))
    return found
