"""docs/desks.md says as many keys as the browser tests count."""

import re

from stack.home import CHECKOUT
from tests.browser.keys import KEYS

ROW = re.compile(r"^\| (.+?) \| .+ \| ([^|]+) \|$", re.MULTILINE)
UNCOUNTED = {
    "go from one time to another",
    "begin again with another patient",
    "print the day",
}
"""One key each, or the browser's own."""


def test_the_document_says_what_is_counted() -> None:
    rows = dict(ROW.findall((CHECKOUT / "docs" / "desks.md").read_text()))
    said = {task: number for task, number in rows.items() if task not in UNCOUNTED | {"task"}}

    assert said == {task: str(number) for task, number in KEYS.items()}
