"""`priyom`: ask what is the matter, from the row to the cache. It reads; with a reason it releases.

priyom why 430890e4                        what became of a booking, and why
priyom appointment show|history 430890e4   its row, its versions
priyom hold list                           holds that last, the next to lapse first
priyom hold release 430890e4 --reason clinic_request
priyom audit --object 430890e4-…           lines of who did what, newest first
priyom campaign list|show <id>              who was offered another time, and who is left
priyom dead                                records of Kafka that nobody could read
"""

import argparse
import asyncio
import getpass
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from aiokafka.errors import KafkaError
from temporalio.client import Client

from adapters.kafka.dead_letters import dead_records
from adapters.postgres.campaign_rows import find_campaign, visits_of
from adapters.postgres.console import campaigns_begun, live_holds
from adapters.postgres.database import DATABASE_AWAY, Database, connect_database
from adapters.postgres.reads import read, read_by_cursor
from adapters.postgres.trail import Sought, history_of, lines_of
from adapters.process.exit import exit_process
from adapters.process.settings import BadSettings, connections, product, secret_of
from adapters.redis.cache import connect_redis
from adapters.temporal.client import TemporalConnection, priyom_plugin
from adapters.temporal.codec import SealedPayloadError
from api.booking.runs import Runs
from api.booking.temporal_errors import NoAnswer, NoRun
from api.console import telling
from api.console.known import Servers, all_known, appointment_named
from domain.actors import ActorRef, Role
from domain.booking import CancelReason
from domain.errors import Refused, refused

NAME = "priyom-console"
LISTED = 50
TEMPORAL_SECONDS = 3.0

Lines = Iterable[str]


class NotDone(Exception):
    """What the person asked for cannot be done; the sentence says why."""


async def why(servers: Servers, asked: argparse.Namespace) -> Lines:
    return telling.why(await all_known(servers, await _id(servers, asked.visit)))


async def appointment(servers: Servers, asked: argparse.Namespace) -> Lines:
    visit = await _id(servers, asked.visit)
    if asked.what == "history":
        changes = await read(servers.database, lambda connection: history_of(connection, visit))
        return telling.history(changes)
    known = await all_known(servers, visit)
    if known.row is None:
        raise NotDone("It has no row: `priyom why` says more.")
    return telling.show(known.row)


async def holds(servers: Servers, asked: argparse.Namespace) -> Lines:
    if asked.what == "release":
        return await _released(servers, await _id(servers, asked.visit), asked.reason)
    found = await read(servers.database, partial(live_holds, limit=LISTED))
    return [
        f"{each.id}  until {telling.at(each.held_until)}  doctor {each.doctor_id}"
        f"  at {telling.at(each.starts_at)}"
        for each in found
    ] or ["No hold lasts."]


async def audit(servers: Servers, asked: argparse.Namespace) -> Lines:
    sought = Sought(object=asked.object, actor=asked.actor, limit=LISTED)
    found = await read(servers.database, lambda connection: lines_of(connection, sought))
    return [
        f"{telling.at(each.at)}  {each.role} {each.actor}: {each.action} {each.object}"
        for each in found
    ] or ["No such line."]


async def campaign(servers: Servers, asked: argparse.Namespace) -> Lines:
    if asked.what == "list":
        found = await read(servers.database, partial(campaigns_begun, limit=LISTED))
        return [telling.begun(each) for each in found] or ["No campaign was begun."]
    try:
        campaign_id = UUID(asked.campaign)
    except ValueError:
        raise NotDone(f"{asked.campaign} is not a campaign's whole id.") from None
    known = await read_by_cursor(servers.database, partial(find_campaign, campaign_id=campaign_id))
    ask = partial(visits_of, campaign_id=campaign_id, parts=None, after=None, limit=LISTED)
    return telling.campaign(known, await read_by_cursor(servers.database, ask))


async def dead(servers: Servers, _: argparse.Namespace) -> Lines:
    return [
        f"{each.place:<8} {telling.at(each.parked_at)}  {each.reason:<18} from {each.came_from}"
        for each in await dead_records(servers.kafka)
    ] or ["No dead records."]


async def _released(servers: Servers, visit: UUID, reason: str | None) -> Lines:
    """Through its run, as the patient would; the trail keeps who did it and the reason."""
    if reason is None:
        raise NotDone(f"Say why: --reason {', '.join(CancelReason)}.")
    runs = Runs(TemporalConnection(servers.temporal))
    by = ActorRef(id=f"{NAME}:{getpass.getuser()}", role=Role.OPERATIONS)
    try:
        outcome = await runs.give_up(visit, reason, by)
    except NoRun:
        raise NotDone(
            "No run waits for it: a hold without a run goes with the next audit."
        ) from None
    except NoAnswer:
        raise NotDone("Temporal does not answer, or has not answered yet: ask `why`.") from None
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    return [f"{visit} is {outcome.appointment.status.value}."]


async def _id(servers: Servers, written: str) -> UUID:
    found = await appointment_named(servers, written)
    if found is None:
        raise NotDone(f"No single booking has the reference {written}: try its whole id.")
    return found


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="priyom", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    asks_why = commands.add_parser("why", help="what became of a booking, and why")
    asks_why.add_argument("visit", help="its reference or its whole id")
    asks_why.set_defaults(do=why)
    of_one = commands.add_parser("appointment", help="its row, or its versions")
    of_one.add_argument("what", choices=["show", "history"])
    of_one.add_argument("visit", help="its reference or its whole id")
    of_one.set_defaults(do=appointment)
    of_holds = commands.add_parser("hold", help="holds that last; release one")
    actions = of_holds.add_subparsers(required=True, dest="what")
    actions.add_parser("list")
    release = actions.add_parser("release")
    release.add_argument("visit", help="its reference or its whole id")
    release.add_argument("--reason", choices=list(CancelReason), help="kept in the trail")
    of_holds.set_defaults(do=holds)
    of_campaigns = commands.add_parser("campaign", help="who was offered another time")
    views = of_campaigns.add_subparsers(required=True, dest="what")
    views.add_parser("list")
    views.add_parser("show").add_argument("campaign", help="its whole id")
    of_campaigns.set_defaults(do=campaign)
    trail = commands.add_parser("audit", help="who did what, newest first")
    trail.add_argument("--object", help="the id of an appointment or a patient")
    trail.add_argument("--actor", help="a subject, or a role of ours")
    trail.set_defaults(do=audit)
    commands.add_parser("dead", help="records of Kafka nobody could read").set_defaults(do=dead)
    return parser.parse_args(arguments)


@asynccontextmanager
async def opened() -> AsyncIterator[Servers]:
    addresses, settings = connections(), product()
    redis = connect_redis(addresses.redis_url, name=NAME)
    database: Database = connect_database(
        addresses.database_url, pool_size=2, name=NAME, pooled=bool(addresses.database_direct_url)
    )
    async with database:
        yield Servers(
            database=database,
            temporal=await _temporal(settings.keys_of_payloads),
            redis=redis,
            kafka=addresses.kafka,
            secret=secret_of(settings),
        )
    await redis.aclose()


async def _temporal(keys: Mapping[str, bytes]) -> Client | None:
    try:
        async with asyncio.timeout(TEMPORAL_SECONDS):
            return await TemporalConnection().open(priyom_plugin(keys=keys))
    except TimeoutError:
        return None


async def answer(asked: argparse.Namespace) -> list[str]:
    async with opened() as servers:
        return list(await asked.do(servers, asked))


def main() -> int:
    asked = parsed(sys.argv[1:])
    try:
        lines = asyncio.run(answer(asked))
    except BadSettings as error:
        return _no(str(error), 2)
    except (NotDone, Refused, SealedPayloadError) as error:
        return _no(str(error), 1)
    except (KafkaError, *DATABASE_AWAY) as error:
        return _no(f"a server does not answer ({type(error).__name__})", 1)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _no(words: str, code: int) -> int:
    sys.stderr.write(f"priyom: {words}\n")
    return code


if __name__ == "__main__":
    exit_process(main())
