"""The worker after a deploy: the same process with the changed workflow of the worked example."""

from adapters.process.exit import exit_process
from tests.workflows.changed_booking import Patched
from worker import __main__ as process
from worker import bookings_worker

if __name__ == "__main__":
    vars(bookings_worker)["BookAppointment"] = Patched
    exit_process(process.main())
