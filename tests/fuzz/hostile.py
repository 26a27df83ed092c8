"""The corpus: requests that no front end of ours would send, and what each must be answered."""

import json
import struct
from collections.abc import Iterator
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


def _bodies() -> Iterator[tuple[str, bytes, int]]:
    """The wish of a patient who does not exist is a 404 once it is understood."""
    yield "objects 10 000 deep", b'{"patientId":' * 4_000 + b"1" + b"}" * 4_000, 400
    yield "200 levels deep", b'{"patientId":' + b"[" * 200 + b"]" * 200 + b"}", 422
    yield "an integer of 60 000 digits", b'{"patientId":' + b"9" * 60_000 + b"}", 400
    yield "a float too large for any", b'{"patientId": 1e400}', 400
    yield "a float of 1 000 digits", b'{"patientId": 0.' + b"1" * 1_000 + b"}", 422
    yield "minus zero", b'{"patientId": -0.0}', 422
    yield "a key twice, first good", GOOD[:-1] + b', "patientId": 7}', 422
    yield "a key twice, last good", b'{"patientId": 7, ' + GOOD[1:], 404
    yield "3 000 keys", json.dumps({f"k{n}": n for n in range(3_000)}).encode(), 422
    yield "a key of 60 000 letters", b'{"' + b"k" * 60_000 + b'": 1}', 422
    yield "a lone high surrogate", b'{"patientId": "\\ud83d"}', 400
    yield "a lone low surrogate", b'{"patientId": "\\ude00"}', 400
    yield "surrogates in the wrong order", b'{"patientId": "\\ude00\\ud83d"}', 400
    yield "surrogates in UTF-8", b'{"patientId": "\xed\xa0\xbd\xed\xb8\x80"}', 400
    yield "an overlong slash", b'{"patientId": "\xc0\xaf"}', 400
    yield "an escaped NUL", b'{"patientId": "\\u0000"}', 422
    yield "a NUL", b'{"patientId": "\0"}', 400
    yield "a NUL in a key", b'{"patient\\u0000Id": 1}', 422
    yield "a NUL after the end", GOOD + b"\0", 400
    yield "emoji", json.dumps({**WISH, "patientId": "👩‍⚕️"}, ensure_ascii=False).encode(), 422
    yield "right to left", json.dumps({**WISH, "patientId": "\u202e" + UNKNOWN}).encode(), 422
    yield (
        "full-width digits",
        json.dumps({**WISH, "patientId": "\uff13" + UNKNOWN[1:]}).encode(),
        422,
    )
    yield "a byte order mark", b"\xef\xbb\xbf" + GOOD, 400
    yield "UTF-16", GOOD.decode().encode("utf-16"), 400
    yield "UTF-32", GOOD.decode().encode("utf-32-le"), 400
    yield "Latin-1", '{"patientId": "é"}'.encode("latin-1"), 400
    yield "words after the end", GOOD + b" nothing more", 400
    yield "two documents", GOOD + GOOD, 400
    yield "a comment", b"/* hello */" + GOOD, 400
    yield "a comma too many", GOOD[:-1] + b",}", 400
    yield "single quotes", GOOD.replace(b'"', b"'"), 400
    yield "white space only", b" \r\n\t" * 1_000, 400
    yield "__proto__", b'{"__proto__": {"admin": true}, ' + GOOD[1:], 422
    yield "SQL", json.dumps({**WISH, "patientId": "'; DROP TABLE schedules; --"}).encode(), 422
    yield "a template", json.dumps({**WISH, "patientId": "{{7*7}}${7*7}"}).encode(), 422
    yield "a path", json.dumps({**WISH, "doctorId": "../../../etc/passwd"}).encode(), 422
    yield "a log forger", json.dumps({**WISH, "doctorId": "x\r\nlevel=info"}).encode(), 422
    yield "a year of five digits", GOOD.replace(b"2027-", b"12027-"), 422
    yield "a leap second", GOOD.replace(b"09:00:00", b"23:59:60"), 422
    yield "an offset of 24 hours", GOOD.replace(b"+03:00", b"+24:00"), 422
    yield "nanoseconds", GOOD.replace(b"09:00:00", b"09:00:00.123456789"), 404
    yield "64 KiB of white space after it", GOOD + b" " * (65_536 - len(GOOD)), 404
    yield "one byte more than 64 KiB", GOOD + b" " * (65_537 - len(GOOD)), 413


BODIES = [
    Hostile(name=name, parts=(posted(body),), answers=(status,)) for name, body, status in _bodies()
]

CHUNKS = [
    Hostile(name="one byte a chunk", parts=(chunked(*[b"%c" % c for c in GOOD]),), answers=(404,)),
    Hostile(
        name="a chunk that says it is larger than it is",
        parts=(
            request(
                POST,
                "Content-Type: application/json",
                "Transfer-Encoding: chunked",
                body=b"ffff\r\n" + GOOD + b"\r\n0\r\n\r\n",
            ),
        ),
        answers=(408,),
    ),
    Hostile(
        name="a chunk that says it is smaller than it is",
        parts=(
            request(
                POST,
                "Content-Type: application/json",
                "Transfer-Encoding: chunked",
                body=b"2\r\n" + GOOD + b"\r\n0\r\n\r\n",
            ),
        ),
        answers=(400,),
    ),
    Hostile(
        name="a chunk of 2**64 bytes",
        parts=(request(POST, "Transfer-Encoding: chunked", body=b"1" + b"0" * 16 + b"\r\n"),),
        answers=(400,),
    ),
    Hostile(
        name="a chunk of less than nothing",
        parts=(request(POST, "Transfer-Encoding: chunked", body=b"-1\r\n{}\r\n0\r\n\r\n"),),
        answers=(400,),
    ),
    Hostile(
        name="a chunk in hexadecimal with a prefix",
        parts=(request(POST, "Transfer-Encoding: chunked", body=b"0x2\r\n{}\r\n0\r\n\r\n"),),
        answers=(400,),
    ),
    Hostile(
        name="a chunk extension of 200 000 letters",
        parts=(
            request(
                POST,
                "Transfer-Encoding: chunked",
                body=b"2;" + b"x" * 200_000 + b"\r\n{}\r\n0\r\n\r\n",
            ),
        ),
        answers=(400,),
        instead=((415,), (413,)),
    ),
    Hostile(
        name="20 000 trailing headers",
        parts=(
            request(
                POST,
                "Transfer-Encoding: chunked",
                body=b"2\r\n{}\r\n0\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
            ),
        ),
        answers=(400,),
        instead=((415,),),
    ),
    Hostile(
        name="no last chunk",
        parts=(
            request(
                POST,
                "Content-Type: application/json",
                "Transfer-Encoding: chunked",
                body=b"2\r\n{}\r\n",
            ),
        ),
        answers=(408,),
    ),
]


def _lengths() -> Iterator[Hostile]:
    for name, value in (
        ("signed", "+2"),
        ("negative", "-2"),
        ("hexadecimal", "0x2"),
        ("a list", "2, 2"),
        ("with words", "2 bytes"),
        ("empty", ""),
        ("of 100 digits", "9" * 100),
        ("with a point", "2.0"),
    ):
        yield Hostile(
            name=f"a length that is {name}",
            parts=(request(POST, f"Content-Length: {value}", body=b"{}"),),
            answers=(400,),
        )
    yield Hostile(
        name="a length of 10 GB",
        parts=(request(POST, "Content-Length: 10000000000", body=b"{}"),),
        answers=(413,),
    )
    yield Hostile(
        name="a length that is too long",
        parts=(request(POST, "Content-Type: application/json", "Content-Length: 500", body=b"{}"),),
        answers=(408,),
    )
    yield Hostile(
        name="a length that is too short",
        parts=(request(POST, "Content-Type: application/json", "Content-Length: 2", body=GOOD),),
        answers=(422, 400),
        instead=((400,),),
    )
    yield Hostile(
        name="one byte a packet, and then no more",
        parts=tuple(b"%c" % c for c in posted(GOOD)[:-20]),
        pause=0.001,
        answers=(408,),
    )


LENGTHS = list(_lengths())

HIDDEN = request("GET /api/v1/nowhere HTTP/1.1")
"""What a smuggler hides in a body: an answer to it (404) would mean that it was taken for one."""


def _smuggled() -> Iterator[Hostile]:
    def hidden(name: str, *headers: str, body: bytes, answers: tuple[int, ...] = (400,)) -> Hostile:
        return Hostile(
            name=name,
            parts=(request(POST, "Content-Type: application/json", *headers, body=body),),
            answers=answers,
        )

    length = f"Content-Length: {5 + len(HIDDEN)}"
    te = "Transfer-Encoding: chunked"
    both = b"0\r\n\r\n" + HIDDEN
    yield hidden("a length and chunks", length, te, body=both)
    yield hidden("chunks and a length", te, length, body=both)
    yield hidden("two lengths", "Content-Length: 0", length, body=both)
    yield hidden("the same length twice", "Content-Length: 5", "Content-Length: 5", body=both)
    yield hidden("chunks that are not quite", length, "Transfer-Encoding: xchunked", body=both)
    yield hidden("chunks and more", length, "Transfer-Encoding: chunked, identity", body=both)
    yield hidden("chunks twice", length, "Transfer-Encoding: chunked, chunked", body=both)
    yield hidden("chunks after a tab", length, "Transfer-Encoding:\tchunked", body=both)
    yield hidden("chunks after a folded line", length, "Transfer-Encoding:\r\n chunked", body=both)
    yield hidden("a blank before the colon", length, "Transfer-Encoding : chunked", body=both)
    yield hidden("a vertical tab", length, "Transfer-Encoding: \x0bchunked", body=both)
    yield hidden("a bare CR", "X: y\rTransfer-Encoding: chunked", length, body=both)
    yield hidden("a bare LF", "X: y\nTransfer-Encoding: chunked", length, body=both)
    yield hidden("a NUL in a header", "X: y\0z", length, body=both)
    yield hidden("a header without a name", ": nothing", length, body=both)
    yield hidden("a header without a colon", "nothing", length, body=both)
    yield Hostile(
        name="chunks in HTTP/1.0",
        parts=(
            request(POST.replace("1.1", "1.0"), "Transfer-Encoding: chunked", length, body=both),
        ),
        answers=(400,),
    )
    yield Hostile(name="line ends of LF only", parts=(HIDDEN.replace(b"\r", b""),), answers=(400,))


SMUGGLED = list(_smuggled())


def _heads() -> Iterator[Hostile]:
    yield Hostile(
        name="an unknown method", parts=(request("BREW /coffee HTTP/1.1"),), answers=(405,)
    )
    yield Hostile(
        name="a method in small letters", parts=(request("get / HTTP/1.1"),), answers=(405,)
    )
    yield Hostile(
        name="a method of 10 000 letters",
        parts=(request("A" * 10_000 + " / HTTP/1.1"),),
        answers=(405,),
    )
    for method in ("TRACE", "PROPFIND", "M-SEARCH", "QUERY", "PURGE"):
        yield Hostile(
            name=f"the method {method}",
            parts=(request(f"{method} /api/v1/appointments HTTP/1.1"),),
            answers=(405,),
        )
    yield Hostile(
        name="a tunnel",
        parts=(request("CONNECT 127.0.0.1:5432 HTTP/1.1"),),
        answers=(400,),
        instead=((404,), (405,)),
    )
    yield Hostile(name="a method without a page", parts=(b"GET\r\n\r\n",), answers=(400,))
    yield Hostile(
        name="HTTP/0.9", parts=(b"GET /healthz\r\n\r\n",), answers=(400,), instead=((200,),)
    )
    yield Hostile(name="HTTP/2", parts=(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",), answers=(400,))
    yield Hostile(name="HTTP/9.9", parts=(request("GET / HTTP/9.9"),), answers=(400,))
    yield Hostile(
        name="a TLS greeting",
        parts=(b"\x16\x03\x01" + struct.pack(">H", 512) + bytes(range(256)) * 2,),
        answers=(400,),
    )
    yield Hostile(
        name="a whole URL",
        parts=(request("GET http://elsewhere/healthz HTTP/1.1"),),
        answers=(200,),
    )
    yield Hostile(
        name="an asterisk",
        parts=(request("OPTIONS * HTTP/1.1"),),
        answers=(404,),
        instead=((400,), (405,)),
    )
    yield Hostile(
        name="a path up", parts=(request("GET /docs/../../etc/passwd HTTP/1.1"),), answers=(404,)
    )
    yield Hostile(
        name="a path up, hidden",
        parts=(request("GET /docs/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1"),),
        answers=(404,),
    )
    yield Hostile(
        name="a path of 100 000 letters",
        parts=(request("GET /" + "x" * 100_000 + " HTTP/1.1"),),
        answers=(404,),
        instead=((400,), (414,)),
    )
    yield Hostile(
        name="a query of 60 000 letters",
        parts=(request("GET /api/v1/doctors?cursor=" + "x" * 60_000 + " HTTP/1.1"),),
        answers=(422,),
        instead=((400,), (414,)),
    )
    yield Hostile(
        name="5 000 query parameters",
        parts=(
            request(
                "GET /api/v1/doctors?"
                + "&".join(f"limit={n}" for n in range(1, 5_000))
                + " HTTP/1.1"
            ),
        ),
        answers=(422,),
    )
    yield Hostile(
        name="no host", parts=(b"GET /healthz HTTP/1.1\r\n\r\n",), answers=(200,), instead=((400,),)
    )
    yield Hostile(
        name="two hosts", parts=(request(GET, "Host: other"),), answers=(200,), instead=((400,),)
    )
    yield Hostile(
        name="10 000 headers",
        parts=(request(GET, *(f"X-{n}: y" for n in range(10_000))),),
        answers=(400,),
    )
    yield Hostile(
        name="a header of 100 000 letters",
        parts=(request(GET, "X: " + "y" * 100_000),),
        answers=(400,),
    )
    yield Hostile(
        name="an ETag that is no tag",
        parts=(request(GET, "If-None-Match: \xff\xfe"),),
        answers=(200,),
    )
    yield Hostile(
        name="a request id that forges a log",
        parts=(request(GET, "X-Request-Id: a\x1b[31mb"),),
        answers=(200,),
        instead=((400,),),
    )


HEADS = list(_heads())


def _keys() -> Iterator[Hostile]:
    def keyed(name: str, *headers: str, answer: int = 422) -> Hostile:
        return Hostile(name=name, parts=(posted(GOOD, *headers),), answers=(answer,))

    yield keyed("two keys", "Idempotency-Key: a", "Idempotency-Key: b")
    yield keyed("the same key twice", "Idempotency-Key: a", "Idempotency-Key: a")
    yield keyed("the same key twice, in other letters", "Idempotency-Key: a", "IDEMPOTENCY-KEY: a")
    yield keyed("a hundred keys", *(f"Idempotency-Key: {n}" for n in range(100)))
    yield keyed("a key and none", "Idempotency-Key: a", "Idempotency-Key:")
    yield keyed("a key of 256 letters", "Idempotency-Key: " + "k" * 256)
    yield keyed("a key of 255 letters", "Idempotency-Key: " + "k" * 255, answer=404)
    yield keyed("two media types", "Content-Type: text/plain", answer=415)


KEYS = list(_keys())


def _pipelines() -> Iterator[Hostile]:
    get = request(GET)
    yield Hostile(name="ten requests at once", parts=(get * 10,), answers=(200,) * 10)
    yield Hostile(
        name="a request, then a wish, then a request",
        parts=(get + posted(GOOD) + get,),
        answers=(200, 404, 200),
    )
    yield Hostile(
        name="a request, then garbage",
        parts=(get, b"\0\0garbage\r\n\r\n"),
        pause=0.2,
        answers=(200, 400),
    )
    yield Hostile(
        name="an upgrade to what is not spoken, then a request",
        parts=(request(GET, "Connection: Upgrade", "Upgrade: h2c"), get),
        pause=0.2,
        answers=(200, 200),
        instead=((200,),),
    )
    yield Hostile(
        name="a web socket",
        parts=(
            request(
                GET,
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ),
        ),
        answers=(200,),
    )
    yield Hostile(
        name="a wish with an upgrade",
        parts=(posted(GOOD, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"),),
        answers=(404,),
    )
    yield Hostile(
        name="a wish that waits to be asked for its body",
        parts=(posted(GOOD, "Expect: 100-continue"),),
        answers=(404,),
    )
    yield Hostile(
        name="an expectation that nobody has",
        parts=(posted(GOOD, "Expect: the-unexpected"),),
        answers=(404,),
        instead=((417,),),
    )


PIPELINES = list(_pipelines())

CORPUS = [*BODIES, *CHUNKS, *LENGTHS, *SMUGGLED, *HEADS, *KEYS, *PIPELINES]
