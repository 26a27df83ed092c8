"""What a hostile request is, and how one is written."""

import json
from dataclasses import dataclass, field

UNKNOWN = "3f2b9f6e-0c55-4f0e-9b3e-6a5b3c1d2e4f"
WISH = {"patientId": UNKNOWN, "doctorId": UNKNOWN, "dateTime": "2027-03-01T09:00:00+03:00"}
POST = "POST /api/v1/appointments HTTP/1.1"
GET = "GET /healthz HTTP/1.1"


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """`answers` are the statuses, in order; `instead` other ways of answering that are right."""

    name: str
    parts: tuple[bytes, ...]
    answers: tuple[int, ...]
    instead: tuple[tuple[int, ...], ...] = field(default=())
    pause: float = 0.0


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, "Host: clinic", *headers, "", ""]).encode("latin-1") + body


def posted(body: bytes, *headers: str) -> bytes:
    return request(
        POST, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, body=body
    )


def chunked(*chunks: bytes, headers: tuple[str, ...] = ()) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return request(
        POST, "Content-Type: application/json", "Transfer-Encoding: chunked", *headers, body=body
    )


GOOD = json.dumps(WISH).encode()
