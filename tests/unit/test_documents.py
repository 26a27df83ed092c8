"""The documents: each is found from the index, and no link leads nowhere."""

import re
from pathlib import Path
from textwrap import indent

import pytest

from stack.decisions import index, row_of
from stack.home import CHECKOUT

DOCS = CHECKOUT / "docs"
PAGES = [
    *CHECKOUT.glob("*.md"),
    *DOCS.rglob("*.md"),
    CHECKOUT / "tests" / "README.md",
    CHECKOUT / ".github" / "pull_request_template.md",
]
READABLE = 420
"""Characters of a cell; what is longer is a paragraph."""

LINK = re.compile(r"\]\((?!https?:|mailto:|#)(?P<to>[^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_every_link_leads_to_a_file(page: Path) -> None:
    missing = [to for to in LINK.findall(page.read_text()) if not (page.parent / to).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_every_cell_of_a_table_can_be_read(page: Path) -> None:
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    longest = max((len(cell) for row in rows for cell in row.split(" | ")), default=0)

    assert longest <= READABLE


def test_every_document_is_found_from_the_index() -> None:
    linked = {(DOCS / to).resolve() for to in LINK.findall((DOCS / "README.md").read_text())}

    assert {page for page in DOCS.glob("*.*") if page.name != "README.md"} - linked == set()


def test_a_decision_is_shown_with_what_stands_above_its_context(tmp_path: Path) -> None:
    decision = tmp_path / "0042-one-road.md"
    decision.write_text("# 0042: One road\n\nSuperseded by 0043\nin part.\n\n## Context\n\nMuch.\n")

    assert [*index(tmp_path)][1:] == [
        "| [0042](0042-one-road.md) | One road | Superseded by 0043 in part. |"
    ]


def test_a_decision_without_its_number_is_not_listed_under_another(tmp_path: Path) -> None:
    decision = tmp_path / "0042-one-road.md"
    decision.write_text("# 0041: One road\n\n## Context\n")

    with pytest.raises(ValueError, match=r"0042-one-road\.md must begin with"):
        row_of(decision)


def test_the_saga_of_the_readme_is_in_the_lines_of_the_workflow() -> None:
    workflow = (CHECKOUT / "workflows" / "book_appointment.py").read_text()
    (quoted,) = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)

    assert indent(quoted, "    ") in workflow


@pytest.mark.parametrize(
    ("file", "lines"), [("README.md", 180), ("workflows/book_appointment.py", 110)]
)
def test_the_readme_and_the_booking_are_read_in_one_sitting(file: str, lines: int) -> None:
    assert len((CHECKOUT / file).read_text().splitlines()) <= lines
