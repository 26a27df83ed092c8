"""Recorded histories: `python -m tests.workflows.recordings` records what is missing.

An existing recording is replaced only by its name, or all of them by --anew: a recording stands for
bookings that are open somewhere, so a red replay is the code's fault and never the recording's
(docs/changing-a-workflow.md). A booking ends on the build that began it, so the histories of the
pinned workflows have a folder for each build that changed their order.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from temporalio.client import WorkflowHistory

from workflows.audit_bookings import AuditBookings
from workflows.book_appointment import BookAppointment
from workflows.cancel_appointment import CancelAppointment
from workflows.change_schedule import ChangeSchedule
from workflows.deliver_instead import DeliverInstead
from workflows.deliver_notifications import DeliverNotifications
from workflows.find_due_reminders import FindDueReminders
from workflows.forget_messages import ForgetMessages
from workflows.import_schedule import ImportSchedule
from workflows.publish_shifts import PublishShifts
from workflows.remind_patient import RemindPatient
from workflows.reoffer_visit import ReofferVisit
from workflows.reschedule_appointment import RescheduleAppointment
from workflows.settle_visit import SettleVisit

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "tests" / "histories"
PINNED = FOLDER / "0.2.0"
"""Of the build that gave the pinned workflows the order of steps that they have today."""

WANTED = "RECORD_HISTORIES"
"""What a run of the tests may write: names, or one of these two words."""

MISSING, ALL = "missing", "all"

EVERY_WORKFLOW = (
    AuditBookings,
    BookAppointment,
    CancelAppointment,
    ChangeSchedule,
    DeliverInstead,
    DeliverNotifications,
    FindDueReminders,
    ForgetMessages,
    ImportSchedule,
    PublishShifts,
    RemindPatient,
    ReofferVisit,
    RescheduleAppointment,
    SettleVisit,
)


PINNED_TYPES = {"BookAppointment", "CancelAppointment", "RescheduleAppointment", "SettleVisit"}


def folder_of(history: WorkflowHistory) -> Path:
    started = history.events[0].workflow_execution_started_event_attributes
    return PINNED if started.workflow_type.name in PINNED_TYPES else FOLDER


def history_in(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def of_today() -> list[Path]:
    """Recordings that the workflows of today replay as they are."""
    unpinned = [path for path in FOLDER.glob("*.json") if folder_of(history_in(path)) is FOLDER]
    return sorted([*PINNED.glob("*.json"), *unpinned])


def recorded(name: str) -> WorkflowHistory:
    return history_in(next(path for path in of_today() if path.stem == name))


def wanted_now() -> list[str] | None:
    """What this run of the tests may write; None where it is not for the recordings at all."""
    wanted = os.environ.get(WANTED)
    return None if wanted is None else wanted.split()


def keep(
    name: str, history: WorkflowHistory, *, wanted: Sequence[str], folder: Path | None = None
) -> None:
    """Write it down if it is wanted; an existing one only if it was named."""
    path = (folder or folder_of(history)) / f"{name}.json"
    if name in wanted or ALL in wanted or (MISSING in wanted and not path.exists()):
        # Stack traces in it tell of the code, not of the machine that it was recorded on.
        path.write_text(history.to_json().replace(f"{CHECKOUT}/", "") + "\n")


def main() -> int:
    wanted = _wanted()
    before = _recorded()
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/workflows"],
        cwd=CHECKOUT,
        env={**os.environ, WANTED: " ".join(wanted)},
        check=False,
    )
    after = _recorded()
    for name in sorted(after):
        if name not in before:
            print(f"recorded  {name}")
        elif after[name] != before[name]:
            print(f"REPLACED  {name}: open bookings that ran as the old one did are not tested now")
    unknown = set(wanted) - {MISSING, ALL} - {Path(name).name for name in after}
    for name in sorted(unknown):
        print(f"no test records {name}")
    print(f"{len(after)} recordings in {FOLDER.relative_to(CHECKOUT)}")
    return 1 if unknown else tests.returncode


def _wanted() -> list[str]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="recordings to replace, by name")
    parser.add_argument("--anew", action="store_true", help="replace every one of them")
    chosen = parser.parse_args()
    return [ALL] if chosen.anew else [MISSING, *chosen.names]


def _recorded() -> dict[str, str]:
    paths = [*PINNED.glob("*.json"), *FOLDER.glob("*.json")]
    return {
        str(path.relative_to(FOLDER).with_suffix("")): sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


if __name__ == "__main__":
    sys.exit(main())
