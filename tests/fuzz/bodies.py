"""The corpus, its bodies: what they say, in which chunks, and how long they claim to be."""

import json
from collections.abc import Iterator

from tests.fuzz.hostile import GOOD, POST, UNKNOWN, WISH, Hostile, chunked, posted, request


def _bodies() -> Iterator[tuple[str, bytes, int]]:
    """The wish of a patient who does not exist is a 404 once it is understood."""
    yield "objects 10 000 deep", b'{"patientId":' * 4_000 + b"1" + b"}" * 4_000, 400
    yield "200 levels deep", b'{"patientId":' + b"[" * 200 + b"]" * 200 + b"}", 422
    yield "an integer of 60 000 digits", b'{"patientId":' + b"9" * 60_000 + b"}", 400
    yield "a float too large for any", b'{"patientId": 1e400}', 400
    yield "a float of 1 000 digits", b'{"patientId": 0.' + b"1" * 1_000 + b"}", 422
    yield "minus zero", b'{"patientId": -0.0}', 422
    yield "a key twice, first good", GOOD[:-1] + b', "patientId": 7}', 422
    yield "a key twice, last good", b'{"patientId": 7, ' + GOOD[1:], 422
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
