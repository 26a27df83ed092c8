"""What is wrong with a head that a proxy in front of us may read otherwise than we do."""

import re
from collections.abc import MutableSequence

from api.http.problems import Malformed, Problem

HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
WHOLE_URL = re.compile(rb"https?://([^/?]*)", re.IGNORECASE)
VERSIONS = {"1.0", "1.1"}


def refuse_ambiguous(
    version: str, target: bytes, headers: MutableSequence[tuple[bytes, bytes]]
) -> Problem | None:
    """Why these headers have no one meaning (RFC 9112, 3.2 and 6.1), null where they have one.

    A host named by the target counts, whatever `Host` says, and takes its place in the headers.
    """
    hosts = [value for name, value in headers if name == b"host"]
    if version not in VERSIONS or b"#" in target:
        return Malformed("request", "is not HTTP/1.1", status=400)
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        return Malformed("Host", "must be given once", status=400)
    whole = WHOLE_URL.match(target)
    if whole is not None:
        headers[:] = [each for each in headers if each[0] != b"host"]
        headers.append((b"host", whole[1]))
        hosts.append(whole[1])
    if not all(map(HOST.fullmatch, hosts)):
        return Malformed("Host", "must be a name and perhaps a port", status=400)
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if codings not in ([], [b"chunked"]):
        return Malformed("Transfer-Encoding", "must be chunked", status=501)
    return None
