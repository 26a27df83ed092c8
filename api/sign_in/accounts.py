"""Who the subjects of an issuer are here: looked up once, and again when it has changed."""

import asyncio
import time
from collections import OrderedDict
from typing import LiteralString, Self
from uuid import UUID

import psycopg
from structlog import get_logger

from adapters.postgres.accounts import Account, account_of
from adapters.postgres.database import Database
from adapters.postgres.listening import words_in
from adapters.postgres.reads import read_by_cursor

CHANGES: LiteralString = "priyom_accounts"
"""The channel; what is said in it is a subject, or the id of a patient who acts for another."""

HEARD_SECONDS = 300.0
"""How long it is believed what a subject is here while every change is heard of."""

REMEMBERED_SECONDS = 1.0
"""The same while none is: a request is often followed by another."""

AGAIN_SECONDS = 2.0
REMEMBERED = 4096

Known = tuple[str, UUID | None]
"""A subject, and the patient that its token names."""

log = get_logger(__name__)


class Accounts:
    """What is remembered of one issuer's subjects. It listens for changes while it is entered."""

    def __init__(self, database: Database, issuer: str, *, listens_at: str, name: str) -> None:
        self._database = database
        self._issuer = issuer
        self._listens_at = listens_at
        self._name = name
        self._known: OrderedDict[Known, tuple[float, Account]] = OrderedDict()
        self._hears = False
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def of(self, subject: str, patient_id: UUID | None) -> Account:
        """What the subject is here, with those whom it may act for now."""
        asked_at, known, key = time.monotonic(), self._known, (subject, patient_id)
        looked_at, account = known.get(key, (0.0, None))
        if account is not None and asked_at - looked_at < self._lasts(account):
            return account
        account = await read_by_cursor(
            self._database,
            lambda cursor: account_of(cursor, self._issuer, subject, patient_id=patient_id),
        )
        known[key] = asked_at, account  # those that were forgotten meanwhile stay forgotten
        if len(known) > REMEMBERED:
            known.popitem(last=False)
        return account

    def forget(self, whom: str = "") -> None:
        """A subject, or a patient by its id; without one everybody."""
        kept = self._known.items() if whom else ()
        self._known = OrderedDict(
            (key, each) for key, each in kept if whom not in {key[0], str(each[1].patient_id)}
        )

    def _lasts(self, account: Account) -> float:
        lasts = HEARD_SECONDS if self._hears else REMEMBERED_SECONDS
        return lasts if account.lasts_seconds is None else min(lasts, account.lasts_seconds)

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("accounts_are_looked_up_often", error=type(error).__name__)
            finally:
                self._hears = False
            await asyncio.sleep(AGAIN_SECONDS)

    async def _hear(self) -> None:
        async for word in words_in(CHANGES, self._listens_at, name=self._name):
            if word is not None:
                self.forget(word)
            elif not self._hears:
                self.forget()
                self._hears = True
