"""Letters over TLS: STARTTLS and a password by SMTP_URL, and no password where there is no TLS."""

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from adapters.messages.delivery_errors import TryLater
from adapters.messages.mail import SmtpMail
from stack.mailbox_smtp import KeepsLetters
from stack.mailbox_store import Store
from tests.integration.test_mailbox import a_letter

# aiosmtpd leaves its end of a connection open that the other side has left half-way.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)


class Doorman:
    """Lets one name in, and writes down what was said to it."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, bytes]] = []

    def __call__(
        self, _server: SMTP, _session: object, _envelope: object, _how: str, said: LoginPassword
    ) -> AuthResult:
        self.heard.append((said.login, said.password))
        return AuthResult(success=said.password == b"s@cret", handled=False)


@asynccontextmanager
async def mail_server(
    store: Store, doorman: Doorman, tls: ssl.SSLContext | None
) -> AsyncIterator[int]:
    """A server that takes letters of those it knows; its port."""
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(
            KeepsLetters(store),
            hostname="mail.example",
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=doorman,
            auth_required=True,
            auth_require_tls=tls is not None,
            loop=loop,
        )

    server = await loop.create_server(session, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    gc.collect()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The clinic's own, trusted as operations would have it."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return ca


def tls_of(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(*names).configure_cert(context)
    return context


async def test_a_password_goes_over_starttls(authority: trustme.CA) -> None:
    store, doorman = Store(), Doorman()
    async with mail_server(store, doorman, tls_of(authority, "localhost")) as port:
        mail = SmtpMail(f"smtp://clinic:s%40cret@localhost:{port}", sender="a@clinic.example")
        await mail.send(a_letter(), to="petr@example.org", notification_id=uuid4())
        await mail.close()

    assert doorman.heard == [(b"clinic", b"s@cret")]
    assert len(store.find(to="petr@example.org")) == 1


@pytest.mark.parametrize("problem", ["no TLS at all", "another's certificate", "unknown authority"])
async def test_no_password_is_said_where_nobody_can_be_sure_who_hears_it(
    authority: trustme.CA, problem: str
) -> None:
    store, doorman = Store(), Doorman()
    tls = {
        "no TLS at all": None,
        "another's certificate": tls_of(authority, "elsewhere.example"),
        "unknown authority": tls_of(trustme.CA(), "localhost"),
    }[problem]
    async with mail_server(store, doorman, tls) as port:
        mail = SmtpMail(f"smtp://clinic:s%40cret@localhost:{port}", sender="a@clinic.example")
        with pytest.raises(TryLater):
            await mail.send(a_letter(), to="petr@example.org", notification_id=uuid4())
        await mail.close()

    assert doorman.heard == []


async def test_a_wrong_password_is_ours_to_mend_and_loses_no_letter(authority: trustme.CA) -> None:
    store, doorman = Store(), Doorman()
    async with mail_server(store, doorman, tls_of(authority, "localhost")) as port:
        mail = SmtpMail(f"smtp://clinic:wrong@localhost:{port}", sender="a@clinic.example")
        with pytest.raises(TryLater, match="smtp_535"):
            await mail.send(a_letter(), to="petr@example.org", notification_id=uuid4())
        await mail.close()
