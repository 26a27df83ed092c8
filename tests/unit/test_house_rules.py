"""Rules of the house that no linter knows: CONTRIBUTING.md names them."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unmeasured

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
BESIDE_THE_PRODUCT = {"tests", "bench", "migrations", "scripts"}
"""Folders of programs that no process imports."""
FILES = sorted(TESTS.rglob("*.py"))

CHECKS = {
    "raises": "pytest's",
    "fail": "pytest's",
    "warns": "pytest's",
    "expect": "Playwright's: waits for what is claimed, and raises",
    "expect_request": "the same for a request of the page",
    "case": "the fault rig's: counts the invariants on its way out",
    "until": "waits for a condition, and raises with its sentence",
    "sees": "a person of the browser tests waits for a text, and raises",
    "focus_is_on": "the same for the focus",
    "audit": "the same for faults of access and for what is wider than the window",
}
"""Calls that make a test fail, beside `assert` and helpers whose name begins with `assert_`."""

UNCHECKED = {
    "faults/test_temporal_away.py::test_faults_of_its_own_store": "a line of the report: "
    "this server cannot be told to fail so",
}
"""Tests without a check, each with its reason: `folder/file.py::test_name`."""


def called(node: ast.AST) -> str:
    """The last word of what is called; empty for anything else."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
    return ""


def is_check(node: ast.AST) -> bool:
    name = called(node)
    return isinstance(node, ast.Assert) or name in CHECKS or name.startswith("assert_")


def unchecked_in(file: ast.Module) -> Iterator[str]:
    """Tests that cannot fail by themselves, nor by a function of their own file that they call."""
    functions = {
        node.name: node
        for node in ast.walk(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    calls = {name: {called(node) for node in ast.walk(each)} for name, each in functions.items()}
    can_fail = {name for name, each in functions.items() if any(map(is_check, ast.walk(each)))}
    before = -1
    while len(can_fail) > before:
        before = len(can_fail)
        can_fail |= {name for name, called_there in calls.items() if called_there & can_fail}
    yield from (name for name in functions if name.startswith("test_") and name not in can_fail)


def test_every_test_can_fail() -> None:
    unchecked = {
        f"{path.relative_to(TESTS)}::{name}"
        for path in FILES
        for name in unchecked_in(ast.parse(path.read_text()))
    }

    assert unchecked - UNCHECKED.keys() == set()


@pytest.mark.parametrize(
    ("body", "fails"),
    [
        ("pass", False),
        ("await slot.hold()", False),
        ("assert slot.is_free", True),
        ("assert_problem(answer, 404)", True),
        ("pytest.raises(SlotTaken, hold)", True),
        ("it_is_free(slot)", True),
        ("it_is_shown(slot)", False),
        ("await expect(page).to_be_visible()", True),
        ("await begin(rig.case(1, 'title'))", True),
    ],
)
def test_a_test_without_a_check_is_found(body: str, *, fails: bool) -> None:
    file = f"""
def it_is_free(slot): it_is(slot, "free")
def it_is(slot, state): assert slot.state == state
def it_is_shown(slot): print(slot)
async def test_it(): {body}
"""

    assert [*unchecked_in(ast.parse(file))] == ([] if fails else ["test_it"])


@pytest.mark.parametrize("folder", ["api", "adapters"])
def test_the_architecture_names_what_lies_at_the_root_of_a_folder(folder: str) -> None:
    """A file with no room of its own is a question for whoever comes next."""
    rows = (TESTS.parent / "docs" / "architecture.md").read_text()
    named = set(re.findall(rf"^\| `{folder}/([\w.]+)/?` \|", rows, re.MULTILINE))
    there = {
        path.name
        for path in (TESTS.parent / folder).iterdir()
        if not path.name.startswith("__") or path.name == "__main__.py"
    }

    assert there == named


def test_every_package_of_the_product_stands_in_a_layer() -> None:
    """A contract of layers says nothing of a package that it does not name."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(each["layers"] for each in linter["contracts"] if each["type"] == "layers")
    named = {package for layer in layers for package in layer.split(" | ")}
    found = {path.parent.name for path in ROOT.glob("*/*.py")} - BESIDE_THE_PRODUCT

    assert named == set(linter["root_packages"]) == found
