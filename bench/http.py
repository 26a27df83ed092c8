"""A small keep-alive HTTP client: on two shared cores a load client must not be the load."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.issuer import TokenOf


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer: its status, its headers in lower case, its JSON body (None without one)."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: Any
    content: bytes = field(default=b"", repr=False)


class Connection:
    """One connection to one server, opened again when the server closed it."""

    def __init__(self, base_url: str, token_of: TokenOf | None = None) -> None:
        self._token_of = token_of
        self._credentials: dict[str, str] = {}
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def local_port(self) -> int:
        """Of a connection that is open: by it the server's process is found."""
        if self._streams is None:
            raise ConnectionError("the connection is not open")
        port: int = self._streams[1].get_extra_info("sockname")[1]
        return port

    async def request(
        self,
        method: str,
        path: str,
        body: object | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        payload = b"" if body is None else json.dumps(body).encode()
        return await self.send(method, path, payload, headers)

    async def send(
        self, method: str, path: str, payload: bytes, headers: dict[str, str] | None = None
    ) -> Answer:
        """The same with a body that is JSON already."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if payload and "content-type" not in (headers or {}):
            lines += ["content-type: application/json"]
        lines += [f"content-length: {len(payload)}", "", ""]
        reader, writer = await self._open()
        writer.write("\r\n".join(lines).encode() + payload)
        return await self._read(reader)

    async def hold(self, wish: tuple[str, str, str]) -> Answer:
        """With the patient's token, where there are tokens."""
        patient, doctor, instant = wish
        if self._token_of is not None:
            self._credentials = {"authorization": f"Bearer {self._token_of(patient)}"}
        body = {"patientId": patient, "doctorId": doctor, "dateTime": instant}
        return await self.request("POST", "/api/v1/appointments", body, self._credentials)

    async def tell(self, appointment: str, command: str) -> Answer:
        """confirm or cancel, by who has held last."""
        path = f"/api/v1/appointments/{appointment}/{command}"
        return await self.request("POST", path, headers=self._credentials)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            await self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        return self._streams

    async def _read(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, value in pairs}
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        body = (
            json.loads(content) if content and "json" in headers.get("content-type", "") else None
        )
        status = int(head[0].split()[1])
        return Answer(status=status, headers=headers, content=content, body=body)
