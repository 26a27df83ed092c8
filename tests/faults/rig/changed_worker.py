"""The worker after a deploy: the same process, with the booking of the worked example in it."""

from adapters.leaving import leave
from tests.workflows.changed_booking import Patched
from worker import __main__ as process
from worker import bookings_worker

if __name__ == "__main__":
    vars(bookings_worker)["BookAppointment"] = Patched
    leave(process.main())
