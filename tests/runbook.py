"""What docs/runbook.md tells somebody to type, and where it leads."""

import re

from stack.home import CHECKOUT

RUNBOOK = (CHECKOUT / "docs" / "runbook.md").read_text()

FENCE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
COMMAND = re.compile(
    r"(?:make|python|curl|grep|promtool|temporal|docker|echo|GET|POST) .+|SELECT .+", re.DOTALL
)
SAVED_QUERY = re.compile(
    r"(?:[A-Z]\w+Id|[A-Z]\w+Status|[A-Z]\w+Start|WorkflowType)(?:!?=| [A-Z]).+"
)
EXPRESSION = re.compile(r"(?:max|absent)\(.+|priyom_\w+\{\w+=.+")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def spoken() -> list[str]:
    """All that is set as code: in the line, and line by line or as statements in blocks."""
    in_lines = re.findall(r"`([^`\n]+)`", FENCE.sub("", RUNBOOK))
    in_blocks = [part for block in FENCE.findall(RUNBOOK) for part in _parts(block)]
    return in_lines + in_blocks


def _parts(block: str) -> list[str]:
    """Statements of SQL may be longer than a line."""
    ends = ";\n" if block.startswith("SELECT") else "\n"
    return [part.strip() for part in block.split(ends) if part.strip()]


def commands() -> set[str]:
    """To be typed into a shell, into psql, or asked of the API."""
    return {each for each in spoken() if COMMAND.fullmatch(each)}


def saved_queries() -> set[str]:
    """For the list of runs in Temporal."""
    return {each for each in spoken() if SAVED_QUERY.fullmatch(each)}


def expressions() -> set[str]:
    """For Prometheus."""
    return {each for each in spoken() if EXPRESSION.fullmatch(each)}


def commands_of_priyom() -> list[str]:
    """The first column of their table, without the place for what is asked about."""
    table = re.search(r"\| command \| says \|\n\|---\|---\|\n((?:\|.*\n)+)", RUNBOOK)
    assert table is not None
    columns = "".join(row.split("|")[1] for row in table[1].splitlines())
    return re.findall(r"`([^`]+)`", columns)


def web_links() -> set[str]:
    """Those that a browser opens."""
    return {link for link in LINK.findall(RUNBOOK) if link.startswith("http")}
