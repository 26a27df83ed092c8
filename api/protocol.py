"""What is no HTTP, or has endless headers, is answered as a problem as well."""

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import MEDIA_TYPE, FieldError, malformed

MAX_HEADER_BYTES = 64 * 1024
NOT_HTTP = orjson.dumps(
    malformed([FieldError(field="request", message="is not HTTP")], status=400).document()
)


class ProblemProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with our words for what it cannot understand."""

    def on_message_begin(self) -> None:
        self.header_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.header_bytes += len(name) + len(value)
        if self.header_bytes > MAX_HEADER_BYTES:
            raise ValueError("the headers are too large")  # which the parser tells as bad HTTP
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the name is uvicorn's
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(NOT_HTTP)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + NOT_HTTP)
        self.transport.close()
