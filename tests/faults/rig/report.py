"""One JSON line per case: what was injected, checked and counted."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

DEFAULT_FOLDER = ".faults"
FILE = "report.jsonl"


@dataclass(frozen=True, kw_only=True)
class Line:
    """`checked` counts the facts that each invariant examined, `wrong` its violations."""

    case: int
    title: str
    injected: Mapping[str, int]
    bookings: int = 0
    holds: int = 0
    calls: int = 0
    unknown: int = 0
    answers: Mapping[str, int] = field(default_factory=dict)
    checked: Mapping[str, int] = field(default_factory=dict)
    wrong: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    test: str = ""
    note: str = ""

    @property
    def command(self) -> str:
        """The name without parameters, because `-k` does not understand brackets."""
        file, _, name = self.test.partition("::")
        target = "outages" if "outages" in file else "faults"
        return f"make {target} ARGS='-k {(name or file).partition('[')[0]}'"


class Report:
    """Lines are appended; the last line of a test counts."""

    def __init__(self) -> None:
        self.folder = Path(os.environ.get("FAULTS_REPORT", DEFAULT_FOLDER)).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, line: Line) -> None:
        told = {
            **asdict(line),
            "command": line.command,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with (self.folder / FILE).open("a") as file:
            file.write(json.dumps(told, ensure_ascii=False) + "\n")
