"""docs/data-model.md names every table, every rule and every index that the tables have."""

import re

import pytest
from sqlalchemy import PrimaryKeyConstraint

from adapters.postgres.tables import metadata
from stack.home import CHECKOUT

DOCUMENT = (CHECKOUT / "docs" / "data-model.md").read_text()
NAMED = set(re.findall(r"`(\w+)`", DOCUMENT))
ALL = metadata.tables.values()
CONSTRAINTS = {
    str(rule.name)
    for table in ALL
    for rule in table.constraints
    if rule.name and not isinstance(rule, PrimaryKeyConstraint)
}
RULES = CONSTRAINTS | {str(index.name) for table in ALL for index in table.indexes}


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_a_table_is_described(table: str) -> None:
    assert table in NAMED


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_or_an_index_is_described(rule: str) -> None:
    assert rule in NAMED


def test_no_rule_is_described_that_is_not_there() -> None:
    tables = "|".join(metadata.tables)
    described = {name for name in NAMED if re.fullmatch(rf"({tables})_\w+", name)}
    written_in_migrations = {"schedules_in_shift", "clinics_time_zone", "patients_time_zone"}
    keys = {f"{table}_pkey" for table in metadata.tables}

    assert described - set(metadata.tables) <= RULES | keys | written_in_migrations
