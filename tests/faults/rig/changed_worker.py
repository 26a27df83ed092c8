"""The worker after a deploy: the same process with one of the changed workflows, named to it."""

import sys

from adapters.process.exit import exit_process
from tests.workflows.changed_booking import ChangedAtOnce, Patched
from worker import __main__ as process
from worker import bookings_worker

CHANGES = {change.__name__: change for change in (ChangedAtOnce, Patched)}

if __name__ == "__main__":
    vars(bookings_worker)["BookAppointment"] = CHANGES[sys.argv[1]]
    exit_process(process.main())
