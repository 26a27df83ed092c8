"""Files of another system: kept, then read by a run of their own."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from temporalio.service import RPCError

from adapters.postgres.database import Database
from adapters.postgres.directory import clinic_of
from adapters.postgres.imports import forget, stage
from adapters.postgres.reads import read
from adapters.temporal.client import TemporalConnection
from api.http.actor import Caller
from api.http.problems import unavailable
from domain.actors import ActorRef
from domain.errors import ClinicNotFound
from domain.imports import Kind, refuse_bad_file
from domain.permissions import Whose
from workflows.import_schedule import ImportSchedule
from workflows.names import PLANS

BEGUN_WITHIN = timedelta(seconds=2)


class Importing:
    """Begins imports."""

    def __init__(self, database: Database, temporal: TemporalConnection) -> None:
        self._database = database
        self._temporal = temporal

    async def allowed(self, clinic_id: UUID, by: Caller) -> ActorRef:
        """Whoever imports there; raises `ClinicNotFound`."""
        if await read(self._database, partial(clinic_of, clinic_id=clinic_id)) is None:
            raise ClinicNotFound
        return by.check(Whose(clinic_id=clinic_id), hidden=ClinicNotFound).ref

    async def take(
        self, clinic_id: UUID, kind: Kind, content: bytes, actor: ActorRef, *, dry_run: bool
    ) -> UUID:
        """The import's id; raises `BadFile`."""
        refuse_bad_file(content, kind)
        return await self.begin(clinic_id, kind, content, actor, dry_run=dry_run)

    async def begin(
        self, clinic_id: UUID, kind: Kind, content: bytes, actor: ActorRef, *, dry_run: bool
    ) -> UUID:
        """The import's id. Where Temporal is away nothing is kept, and the caller tries again."""
        import_id = await stage(
            self._database,
            clinic_id=clinic_id,
            kind=kind,
            dry_run=dry_run,
            content=content,
            actor=actor,
        )
        try:
            await self._temporal.client.start_workflow(
                ImportSchedule.run,
                import_id,
                id=f"import-{import_id}",
                task_queue=PLANS,
                static_summary="a dry run of an import" if dry_run else "an import",
                rpc_timeout=BEGUN_WITHIN,
            )
        except (RPCError, ConnectionError):
            await forget(self._database, import_id)
            raise unavailable() from None
        return import_id
