"""Whether a caller may do it to a doctor's things, whose clinic and person have to be looked up."""

from uuid import UUID

from adapters.postgres.database import Connection, Database
from adapters.postgres.directory import whose_doctor
from adapters.postgres.reads import read
from api.http.actor import Caller
from domain.actors import Actor
from domain.errors import DoctorNotFound
from domain.permissions import Whose


async def check_doctor(caller: Caller, database: Database, doctor_id: UUID) -> Actor:
    """The actor in the role that lets him; a doctor of others is no doctor, or is forbidden."""
    if caller.actor.is_anyone:
        return caller.actor

    async def ask(connection: Connection) -> Whose:
        return await whose_doctor(connection, doctor_id)

    return caller.check(await read(database, ask), hidden=DoctorNotFound)
