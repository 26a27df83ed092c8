"""How PostgreSQL would answer a statement of the product: its plan, without running it."""

import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import Any

from psycopg import AsyncConnection
from psycopg.sql import SQL
from sqlalchemy import Select, TextClause
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.sql.compiler import SQLCompiler

import adapters
from adapters.postgres.database import Connection

Statement = TextClause | SQL
NAMED = re.compile(r"%\((\w+)\)s")

NUMBERED = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def statements() -> dict[str, Statement]:
    """Every statement that a module of `adapters` keeps, by the name it has there."""
    found: dict[str, Statement] = {}
    for module in pkgutil.walk_packages(adapters.__path__, "adapters."):
        for name, value in vars(import_module(module.name)).items():
            for path, each in _kept(f"{module.name.rpartition('.')[2]}.{name}", value):
                if all(each is not other for other in found.values()):
                    found[path] = each
    return found


def _kept(name: str, value: object) -> Iterator[tuple[str, Statement]]:
    """A statement, or those of a tuple or of a mapping, each by its place in it."""
    if isinstance(value, Statement):
        yield name, value
    elif isinstance(value, tuple):
        yield from _kept(name, dict(enumerate(value)))
    elif isinstance(value, dict):
        for place, each in value.items():
            yield from _kept(f"{name}.{place}", each)


class PlanMode(StrEnum):
    """A prepared statement is planned for its values five times, then once for any."""

    CUSTOM = "force_custom_plan"
    GENERIC = "force_generic_plan"


@dataclass(kw_only=True)
class Plan:
    """What a plan reads, and by which indexes."""

    read_whole: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)
    walked: set[str] = field(default_factory=set)
    """Indexes that are read from end to end, or in their order until there is enough."""

    steps: str = ""


async def plan_of(connection: Connection, statement: Statement | Select[Any]) -> Plan:
    """The generic plan, which a prepared statement keeps whatever its values are.

    It is asked for without preparing: a statement that is prepared must be given its values.
    """
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, AsyncConnection)
    question = f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {numbered(statement)}"
    [[told]] = await (await driver.execute(question.encode(), prepare=False)).fetchall()
    plan = Plan(steps=json.dumps(told, indent=1))
    for step in _steps(told[0]["Plan"]):
        if step["Node Type"] == "Seq Scan":
            plan.read_whole.add(step["Relation Name"])
        if "Index Name" in step:
            plan.indexes.add(step["Index Name"])
            if "Index Cond" not in step:
                plan.walked.add(step["Index Name"])
    return plan


async def pages_read(
    connection: Connection,
    statement: Statement,
    values: Mapping[str, object],
    mode: PlanMode,
) -> int:
    """How many pages the prepared statement touches; what it writes is rolled back."""
    given = [values[name] for name in _names(statement)]
    literals = ", ".join("NULL" if each is None else f"'{each}'" for each in given)
    await connection.exec_driver_sql(f"SET LOCAL plan_cache_mode = {mode}")
    await connection.exec_driver_sql(f"PREPARE asked AS {numbered(statement)}")
    found = await connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked ({literals})"
    )
    plan = found.scalar_one()[0]["Plan"]
    await connection.exec_driver_sql("DEALLOCATE asked")
    await connection.rollback()
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def numbered(statement: Statement | Select[Any]) -> str:
    """As it is sent: each value is a number."""
    if isinstance(statement, SQL):
        names = _names(statement)
        spelled = statement.as_string()
        return NAMED.sub(lambda named: f"${names.index(named[1]) + 1}", spelled).replace("%%", "%")
    return str(statement.compile(dialect=NUMBERED))


def _names(statement: Statement) -> list[str]:
    """The values in the order of their numbers."""
    if isinstance(statement, SQL):
        return list(dict.fromkeys(NAMED.findall(statement.as_string())))
    compiled = statement.compile(dialect=NUMBERED)
    assert isinstance(compiled, SQLCompiler)
    return list(compiled.positiontup or ())


def _steps(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for below in step.get("Plans", ()):
        yield from _steps(below)
