"""`make dead`: list the records that nobody could read, or give them to the notifier once more."""

import argparse
import asyncio
import sys

from aiokafka.errors import KafkaError

from adapters.kafka.brokers import KafkaServers
from adapters.kafka.dead_letters import DeadRecord, NotReplayable, dead_records, replay
from adapters.kafka.events import KafkaAway, Writer
from adapters.process.exit import exit_process
from adapters.process.settings import BadSettings, connections

NONE = "No dead records."


async def show(servers: KafkaServers) -> list[str]:
    """One line a record; its content is shown to nobody, since anything may stand in it."""
    found = await dead_records(servers)
    if not found:
        return [NONE]
    lines = [f"{'place':<8} {'parked at':<20} {'reason':<18} {'bytes':>9}  came from"]
    return lines + [_line(record) for record in found]


async def give_again(servers: KafkaServers, places: list[str]) -> list[str]:
    """Those of these places, or all; a record that is read now becomes a delivery."""
    writer = Writer(servers)
    try:
        given = await replay(servers, writer, None if places == ["all"] else places)
    finally:
        await writer.stop()
    return [f"replayed {record.place}" for record in given] or [NONE]


def _line(record: DeadRecord) -> str:
    cut = "" if record.is_whole else f"  (only {record.kept} bytes kept: cannot be replayed)"
    at = f"{record.parked_at:%Y-%m-%d %H:%M:%SZ}"
    return (
        f"{record.place:<8} {at:<20} {record.reason:<18} {record.size:>9}  {record.came_from}{cut}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m notifier.replay", description=__doc__)
    parser.add_argument(
        "--replay", nargs="+", metavar="PLACE", help="places that the list shows, or all"
    )
    chosen = parser.parse_args()
    try:
        servers = connections().kafka
        work = give_again(servers, chosen.replay) if chosen.replay else show(servers)
        lines = asyncio.run(work)
    except BadSettings as error:
        return _no(str(error), 2)
    except NotReplayable as error:
        return _no(str(error), 1)
    except (KafkaError, KafkaAway, OSError):
        return _no("Kafka does not answer: is it up, and KAFKA_BOOTSTRAP_SERVERS right?", 1)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _no(words: str, code: int) -> int:
    sys.stderr.write(f"dead: {words}\n")
    return code


if __name__ == "__main__":
    exit_process(main())
