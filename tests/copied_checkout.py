"""A copy of the checkout with other code: a mutation, or the release after this one."""

import ast
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
NOT_COPIED = (".git", ".venv", ".priyom", ".faults", "__pycache__", ".*_cache", ".hypothesis")


class TextIsGone(Exception):
    """The code has changed under an edit, which therefore does not make what it is to make."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """In `file`, in the function, class or constant named `at`, `text` becomes `instead`."""

    name: str
    file: str
    at: str
    text: str
    instead: str

    def applied(self, source: str) -> str:
        begin, end = _place(source, self.at)
        part = source[begin:end]
        if part.count(self.text) != 1:
            raise TextIsGone(f"{self.name}: {self.file} {self.at} has {self.text!r} not once")
        return source[:begin] + part.replace(self.text, self.instead) + source[end:]

    def write_into(self, checkout: Path) -> None:
        path = checkout / self.file
        path.write_text(self.applied(path.read_text()))


@contextmanager
def copied_checkout() -> Iterator[Path]:
    """The checkout as it is now, changes that are not committed included."""
    with tempfile.TemporaryDirectory(prefix="priyom-copy-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
        yield copy


def _place(source: str, dotted: str) -> tuple[int, int]:
    """From where to where a definition reaches."""
    nodes: list[ast.stmt] = ast.parse(source).body
    node: ast.stmt | None = None
    for name in dotted.split("."):
        node = next((each for each in nodes if name in _names(each)), None)
        if node is None:
            raise TextIsGone(f"there is no {dotted}")
        nodes = node.body if isinstance(node, ast.ClassDef) else []
    assert node is not None
    assert node.end_lineno is not None
    lines = source.splitlines(keepends=True)
    return len("".join(lines[: node.lineno - 1])), len("".join(lines[: node.end_lineno]))


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case _:
            return []
