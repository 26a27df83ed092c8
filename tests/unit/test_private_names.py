"""No private name of a package is used, except in the one place for it."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unmeasured

ROOT = Path(__file__).parents[2]
HOUSE = {"activities", "adapters", "api", "domain", "notifier", "stack", "worker", "workflows"}
EXEMPT = {"worker/sdk_patches.py"}
"""The one place for such a name."""

PRIVATE = re.compile(r"_(?!_|exit\b)\w*")
"""`os._exit` is documented, and has no other name."""
OURS = {"self", "cls"}


def test_the_product_uses_no_private_name_of_a_package() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for folder in sorted(HOUSE)
        for path in sorted((ROOT / folder).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in EXEMPT
        for name in private_names(ast.parse(path.read_text()))
    ]

    assert found == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import asyncio\nasyncio._get_running_loop()", ["_get_running_loop"]),
        (
            "from aiokafka import AIOKafkaProducer\ndef f(p: AIOKafkaProducer): p._sender",
            ["_sender"],
        ),
        ("from sqlalchemy.engine._py_row import BaseRow", ["_py_row"]),
        ("from psycopg.rows import _make", ["_make"]),
        ("def f(pool): getattr(pool, '_waiting')", ["_waiting"]),
        (
            "from uvicorn import Server\nclass Ours(Server):\n def f(self): self._serve()",
            ["_serve"],
        ),
        (
            "from uvicorn import Server\nclass Ours(Server):\n def _wait(self): self._wait()",
            [],
        ),
        ("class Ours:\n def f(self, other): self._one = other", []),
        ("from api.app import _ours", []),
        ("import sys\nsys.__stdout__", []),
        ("import os\nos._exit(1)", []),
    ],
)
def test_a_private_name_of_a_package_is_found(code: str, found: list[str]) -> None:
    assert list(private_names(ast.parse(code))) == found


def private_names(module: ast.Module) -> Iterator[str]:
    """Those imported, and those looked up on anything but the object that has them itself."""
    theirs = set(_imported_from_packages(module))
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                yield from (part for name in names for part in _private_parts(name.name))
            case ast.ImportFrom(module=str() as source, level=0, names=names):
                if source.partition(".")[0] not in HOUSE:
                    yield from _private_parts(source)
                    yield from (name.name for name in names if PRIVATE.fullmatch(name.name))
            case ast.Call(func=ast.Name("getattr"), args=[_, ast.Constant(str() as name), *_]):
                if PRIVATE.fullmatch(name):
                    yield name
            case ast.Attribute(value=value, attr=name) if PRIVATE.fullmatch(name):
                if not (isinstance(value, ast.Name) and value.id in OURS) and not _is_super(value):
                    yield name
            case ast.ClassDef(bases=bases) if any(_root_of(base) in theirs for base in bases):
                yield from _inherited(node)


def _imported_from_packages(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                yield from (name.asname or name.name.partition(".")[0] for name in names)
            case ast.ImportFrom(module=str() as source, level=0, names=names):
                if source.partition(".")[0] not in HOUSE | sys.stdlib_module_names:
                    yield from (name.asname or name.name for name in names)


def _inherited(made: ast.ClassDef) -> Iterator[str]:
    """What a class of ours looks up on itself and has not made: its base, a package's, has."""
    own, used = set[str](), set[str]()
    for node in ast.walk(made):
        match node:
            case ast.Attribute(value=ast.Name(id), attr=name, ctx=context) if id in OURS:
                (own if isinstance(context, ast.Store) else used).add(name)
            case ast.AnnAssign(target=ast.Name(name)):
                own.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                own.add(name)
            case ast.Assign(targets=[ast.Name(name)]):
                own.add(name)
    yield from sorted(name for name in used - own if PRIVATE.fullmatch(name))


def _private_parts(dotted: str) -> list[str]:
    return [part for part in dotted.split(".") if PRIVATE.fullmatch(part)]


def _root_of(base: ast.expr) -> str:
    while isinstance(base, ast.Attribute | ast.Subscript):
        base = base.value
    return base.id if isinstance(base, ast.Name) else ""


def _is_super(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "super"
    )
