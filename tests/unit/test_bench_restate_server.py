"""Restate's server comes from a registry: only the package that we know is run."""

import hashlib
from pathlib import Path

import pytest

from bench import restate_server
from stack.errors import StepFailedError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "server.tgz"
    path.write_bytes(b"the server")
    return path


def test_the_package_of_the_list_is_taken(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = archive.with_name("listed.sha512")
    listed.write_text(f"{hashlib.sha512(b'the server').hexdigest()}  server.tgz\n")
    monkeypatch.setattr(restate_server, "DIGESTS", listed)

    restate_server.check(archive)

    assert archive.read_bytes() == b"the server"


@pytest.mark.parametrize("content", [b"another server", b""])
def test_any_other_package_is_refused(
    archive: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = archive.with_name("listed.sha512")
    listed.write_text(f"{hashlib.sha512(content).hexdigest()}  server.tgz\n")
    monkeypatch.setattr(restate_server, "DIGESTS", listed)

    with pytest.raises(StepFailedError, match="not the package"):
        restate_server.check(archive)


def test_the_list_has_the_version_that_is_fetched_for_each_platform() -> None:
    lines = restate_server.DIGESTS.read_text().splitlines()

    assert len(lines) == 4
    assert all(line.endswith(f"-{restate_server.VERSION}.tgz") for line in lines)
    assert {len(line.split()[0]) for line in lines} == {128}
