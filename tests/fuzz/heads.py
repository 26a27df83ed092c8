"""The corpus, its heads: smuggled requests, methods, paths, headers, keys and pipelines."""

import struct
from collections.abc import Iterator

from tests.fuzz.hostile import GET, GOOD, POST, Hostile, posted, request

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
    yield hidden("chunks of gzip", "Transfer-Encoding: gzip, chunked", body=both, answers=(501,))
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


def _methods() -> Iterator[Hostile]:
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


def _protocols() -> Iterator[Hostile]:
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


def _targets() -> Iterator[Hostile]:
    yield Hostile(
        name="a whole URL",
        parts=(request("GET http://elsewhere/healthz HTTP/1.1"),),
        answers=(200,),
    )
    yield Hostile(
        name="a whole URL of another host",
        parts=(request("GET http://evil.example/healthz HTTP/1.1"),),
        answers=(421,),
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


def _headers() -> Iterator[Hostile]:
    yield Hostile(name="no host", parts=(b"GET /healthz HTTP/1.1\r\n\r\n",), answers=(400,))
    yield Hostile(name="two hosts", parts=(request(GET, "Host: other"),), answers=(400,))
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


HEADS = [*_methods(), *_protocols(), *_targets(), *_headers()]


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
        pause=1.5,
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
