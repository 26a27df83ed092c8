"""A desk that books all day, signed in as `make up` wants it: the load of the cases on call."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from stack.home import Home
from stack.run_state import RunState
from stack.tokens import access_token

USERNAME = "reception1"
TOKEN_SECONDS = 60
"""Less than a token lasts."""

AT_ONCE = 2
PAUSE = 2.0
"""Seconds between two patients of one place at the desk: about half a booking a second in all."""


@dataclass(kw_only=True)
class Reception:
    """`visits` are those that stand; all that it did is counted beside them."""

    home: Path
    state: RunState
    http: httpx.AsyncClient
    visits: list[str] = field(default_factory=list)
    turned_away: str = ""
    """Who was refused last."""

    confirmed: int = 0
    refused: int = 0
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, body: object = None, *, by: str = USERNAME, **query: str
    ) -> httpx.Response:
        headers = await self._header(by)
        return await self.http.request(method, path, json=body, params=query, headers=headers)

    async def _header(self, username: str) -> dict[str, str]:
        token, until = self._tokens.get(username, ("", 0.0))
        if time.monotonic() > until:
            token = await asyncio.to_thread(access_token, Home(self.home), self.state, username)
            self._tokens[username] = token, time.monotonic() + TOKEN_SECONDS
        return {"Authorization": f"Bearer {token}"}

    async def held(self, slot: dict[str, str], patient: str) -> httpx.Response:
        wish = {"patientId": patient, "doctorId": slot["doctorId"], "dateTime": slot["dateTime"]}
        return await self.call("POST", "/api/v1/appointments", wish)

    async def free_slots(self, *, days_ahead: int) -> list[dict[str, str]]:
        begin = (datetime.now(UTC) + timedelta(days=days_ahead)).date().isoformat()
        clinic = next(a for a in self.state.get("accounts", []) if a["username"] == USERNAME)
        query = {"from": begin, "clinicId": str(clinic["clinicId"]), "limit": "50"}
        answer = await self.call("GET", "/api/v1/slots", **query)
        found: list[dict[str, str]] = answer.json()["items"]
        return found

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Patients come while the block runs; who finds nobody there tries again."""
        patients = itertools.cycle(each["id"] for each in self.state["patients"])
        tasks = [
            asyncio.create_task(self._place(patients, days_ahead=2 + 3 * place))
            for place in range(AT_ONCE)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _place(self, patients: Iterator[str], *, days_ahead: int) -> None:
        while True:
            try:
                for slot in await self.free_slots(days_ahead=days_ahead):
                    await self._serve(slot, next(patients), next(patients))
                    await asyncio.sleep(PAUSE)
            except (httpx.HTTPError, KeyError):
                await asyncio.sleep(PAUSE)

    async def _serve(self, slot: dict[str, str], first: str, second: str) -> None:
        """The first gets the slot, the second is refused; every other visit is cancelled again."""
        held = await self.held(slot, first)
        if (await self.held(slot, second)).status_code == 409:
            self.refused, self.turned_away = self.refused + 1, second
        day = slot["dateTime"][:10]
        await self.call("GET", f"/api/v1/doctors/{slot['doctorId']}/schedule", date=day)
        if held.status_code != 201:
            return
        visit = str(held.json()["appointmentId"])
        if (await self.call("POST", f"/api/v1/appointments/{visit}/confirm")).status_code != 200:
            return
        self.confirmed += 1
        if self.confirmed % 2:
            self.visits.append(visit)
        else:
            reason = {"reason": "clinic_request"}
            await self.call("POST", f"/api/v1/appointments/{visit}/cancel", reason)
