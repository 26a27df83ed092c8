"""Doctors' days as they were last written, served again while the database says they are so."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from uuid import UUID

import orjson
from prometheus_client import Counter
from starlette.responses import Response

from adapters.postgres.days import DayKey
from adapters.redis.cache import DayReader
from api.http.etags import knows
from domain.day import Day, DaySchedule
from domain.documents import timestamp

MOST_BYTES = 16 * 1024 * 1024
"""Of all days that a process remembers: some 5 000 of 20 slots. The oldest unread go first.

With twice as much, a process that read ever new days grew by an eighth before it stopped.
"""

BESIDE_BODY = 1_024
"""Bytes that a remembered day costs beside its body, about."""

READS = Counter(
    "priyom_day_reads", "Days that were read, by where the written day came from.", ["source"]
)

FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class WrittenDay:
    """A day of one version as its body, which is the same from `since` until before `until`."""

    version: str
    since: datetime
    until: datetime
    body: bytes
    etag: str

    def is_so(self, version: str, now: datetime) -> bool:
        return self.version == version and self.since <= now < self.until

    def answer(self, *, was_cached: bool, if_none_match: str | None) -> Response:
        """200 with the body, 304 for a caller who has it."""
        headers = {
            "etag": self.etag,
            "cache-control": "no-cache",
            "cache-status": "priyom; hit" if was_cached else "priyom; fwd=miss",
        }
        if if_none_match is not None and knows(if_none_match, self.etag):
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type="application/json", headers=headers)


class RenderedDays:
    """The days that this process has written; each read is validated by the database all the same.

    Redis is asked, and a day decoded, judged and written, only where the one that is remembered is
    of another version, or where a hold has lapsed or a slot begun since.
    """

    def __init__(self, reader: DayReader, *, most_bytes: int = MOST_BYTES) -> None:
        self._reader = reader
        self._most_bytes = most_bytes
        self._remembered: OrderedDict[DayKey, WrittenDay] = OrderedDict()
        self._bytes = 0

    async def read(self, doctor_id: UUID, day: date) -> tuple[WrittenDay, bool]:
        """The day and whether a cache had it, this one or Redis. Raises `DoctorNotFound`."""
        look = await self._reader.look(doctor_id, day)
        known = self._known(look.key, look.current.version, look.current.now)
        if known is not None:
            READS.labels("memory").inc()
            return known, True
        found = await self._reader.find(look)
        READS.labels("cache" if found.was_cached else "database").inc()
        now = max(look.current.now, found.now)
        known = self._known(look.key, found.day.version, now)  # another reader may have written it
        if known is None:
            known = written(found.day, now)
            self._remember(look.key, known)
        return known, found.was_cached

    def _known(self, key: DayKey, version: str, now: datetime) -> WrittenDay | None:
        known = self._remembered.get(key)
        if known is None or not known.is_so(version, now):
            return None
        self._remembered.move_to_end(key)
        return known

    def _remember(self, key: DayKey, day: WrittenDay) -> None:
        self._forget(self._remembered.pop(key, None))
        self._remembered[key] = day
        self._bytes += _size(day)
        while self._bytes > self._most_bytes:
            self._forget(self._remembered.popitem(last=False)[1])

    def _forget(self, day: WrittenDay | None) -> None:
        if day is not None:
            self._bytes -= _size(day)


def written(day: Day, now: datetime) -> WrittenDay:
    body = orjson.dumps(document(day.at(now)))
    return WrittenDay(
        version=day.version,
        since=now,
        until=day.changes_after(now) or FOR_EVER,
        body=body,
        etag=f'"{digest(body)}"',
    )


def uncached(schedule: DaySchedule) -> WrittenDay:
    """A day of one reader, as it is at this instant."""
    body = orjson.dumps(document(schedule))
    return WrittenDay(
        version=schedule.version,
        since=FOR_EVER,
        until=FOR_EVER,
        body=body,
        etag=f'"{digest(body)}"',
    )


def digest(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


def document(schedule: DaySchedule) -> dict[str, object]:
    return {
        "doctorId": str(schedule.doctor_id),
        "clinicId": str(schedule.clinic_id),
        "date": schedule.date.isoformat(),
        "timeZone": schedule.time_zone,
        "version": schedule.version,
        "slots": [
            {
                "dateTime": timestamp(slot.starts_at),
                "endsAt": timestamp(slot.ends_at),
                "state": slot.state,
            }
            for slot in schedule.slots
        ],
    }


def _size(day: WrittenDay) -> int:
    return len(day.body) + BESIDE_BODY
