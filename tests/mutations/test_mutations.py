"""Each mutation still fits the code that it is to break; `make prove` breaks it."""

import ast
import re

import pytest

from tests.copied_checkout import CHECKOUT, TextIsGone
from tests.mutations.__main__ import Run, verdict
from tests.mutations.mutation import Mutation
from tests.mutations.mutations import MUTATIONS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_a_mutation_fits_the_code_and_names_tests_that_exist(mutation: Mutation) -> None:
    source = (CHECKOUT / mutation.file).read_text()

    mutated = mutation.applied(source)

    assert mutated != source
    ast.parse(mutated)
    assert mutation.red
    for test in mutation.red:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (CHECKOUT / file).read_text()


@pytest.mark.parametrize(
    "mutation",
    [each for each in MUTATIONS if each.file.startswith("migrations/")],
    ids=lambda each: each.name,
)
def test_a_mutation_breaks_the_function_that_the_last_migration_left(mutation: Mutation) -> None:
    source = (CHECKOUT / mutation.file).read_text()
    mutated = mutation.applied(source)
    defined = re.compile(r"FUNCTION (\w+)\([^)]*\)[^;]*?\$\$(.*?)\$\$", re.DOTALL)
    broken = {name for name, body in defined.findall(source)} - {
        name for name, body in defined.findall(mutated) if body in source
    }

    later = [
        path
        for path in sorted((CHECKOUT / "migrations" / "versions").glob("*.py"))
        if path.name > mutation.file.rpartition("/")[2]
    ]
    for path in later:
        assert not broken & {name for name, _ in defined.findall(path.read_text())}, path.name


def test_a_mutation_of_code_that_has_changed_fails_loudly() -> None:
    mutation = Mutation(name="", file="x.py", at="f", text="return 1", instead="", red=())

    for source in ("def f():\n    return 2\n", "def g():\n    return 1\n"):
        with pytest.raises(TextIsGone):
            mutation.applied(source)


@pytest.mark.parametrize(
    ("status", "failed", "broken", "is_proof"),
    [
        (1, {"t.py::a[x]", "t.py::b"}, set(), True),
        (1, {"t.py::a[x]"}, set(), False),
        (0, set(), set(), False),
        (2, set(), {"t.py"}, False),
        (1, {"t.py::a[x]", "t.py::b"}, {"t.py::c"}, False),
    ],
)
def test_only_the_named_tests_and_only_their_failure_prove_something(
    status: int, failed: set[str], broken: set[str], *, is_proof: bool
) -> None:
    mutation = Mutation(name="", file="", at="", text="", instead="", red=("t.py::a", "t.py::b"))
    seen = Run(
        status=status, failed=frozenset(failed), broken=frozenset(broken), seconds=0, output=""
    )

    assert (verdict(mutation, seen) == "") is is_proof
