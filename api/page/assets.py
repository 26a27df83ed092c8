"""Assets of the pages, under names that tell their content: a browser keeps them for good."""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

FOLDER = Path(__file__).parent / "assets"
PREFIX = "/assets/"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_URL = re.compile(r"url\(([\w.-]+)\)")


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file as it is sent; `zipped` is null where zipping gains nothing."""

    path: str
    media_type: str
    content: bytes
    zipped: bytes | None

    @property
    def etag(self) -> str:
        return f'"{self.path.split(".")[-2]}"'


@cache
def assets() -> Mapping[str, Asset]:
    """Every asset by the name of its file."""
    return dict(_gathered())


@cache
def by_path() -> Mapping[str, Asset]:
    return {asset.path: asset for asset in assets().values()}


def asset(name: str) -> str:
    """The path of a file, for a template; it is a bug to name one that is not there."""
    return assets()[name].path


def _gathered() -> Iterator[tuple[str, Asset]]:
    """Style sheets last: they name other assets."""
    paths: dict[str, str] = {}
    files = (file for file in FOLDER.iterdir() if file.suffix in MEDIA_TYPES)
    for file in sorted(files, key=lambda file: (file.suffix == ".css", file.name)):
        content = file.read_bytes()
        if file.suffix == ".css":
            named = _URL.sub(
                lambda found: f"url({paths[found[1]].removeprefix(PREFIX)})", content.decode()
            )
            content = named.encode()
        made = _asset(file, content)
        paths[file.name] = made.path
        yield file.name, made


def _asset(file: Path, content: bytes) -> Asset:
    digest = blake2b(content, digest_size=8).hexdigest()
    zipped = gzip.compress(content, 9, mtime=0)
    return Asset(
        path=f"{PREFIX}{file.stem}.{digest}{file.suffix}",
        media_type=MEDIA_TYPES[file.suffix],
        content=content,
        zipped=zipped if len(zipped) < len(content) * 0.9 else None,
    )
