"""The fault cases, and for those that need no rig the tests that show them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A case shown by an ordinary test: what came, what held, and how many of it."""

    injected: str
    held: str
    counted: str
    test: str

    @property
    def command(self) -> str:
        file, _, name = self.test.partition("::")
        return f"make test ARGS='{file}{f' -k {name}' if name else ''}'"


@dataclass(frozen=True, kw_only=True)
class FaultCase:
    """`why_not` is given where this stack cannot have the fault, or it was not tried."""

    number: int
    fault: str
    shown: tuple[Shown, ...] = ()
    why_not: str = ""


def _case(number: int, fault: str, *shown: Shown, why_not: str = "") -> FaultCase:
    return FaultCase(number=number, fault=fault, shown=shown, why_not=why_not)


CASES = (
    _case(1, "worker killed after the hold's commit, before its result is recorded"),
    _case(2, "worker killed while the POST waits for the hold"),
    _case(3, "worker killed while a run waits; another takes the confirm"),
    _case(
        4,
        "all workers dead for longer than a hold",
        Shown(
            injected="the worker held down until the hold is past",
            held="the slot is booked by another patient, I2",
            counted="1 hold of 3 s",
            test="tests/acceptance/test_lapse.py::test_a_hold_lapses_with_every_worker_dead",
        ),
    ),
    _case(5, "worker killed after the confirm's commit, before its result"),
    _case(6, "worker killed right after the confirm, before the event"),
    _case(7, "worker killed after Kafka's ack, before it is recorded"),
    _case(8, "API killed after its call to Temporal"),
    _case(9, "API stopped for a while, then continued"),
    _case(10, "worker stopped past its timeouts, then continued (a zombie)"),
    _case(11, "PostgreSQL killed under load"),
    _case(12, "connections to PostgreSQL ended in mid-transaction"),
    _case(13, "PostgreSQL stopped, then continued"),
    _case(14, "connection slots taken by another client"),
    _case(15, "the reply to COMMIT lost"),
    _case(16, "a long lock on the slot's row"),
    _case(
        17,
        "serialization failures and deadlocks",
        Shown(
            injected="40001 and 40P01 raised in the transaction, 3 times each",
            held="the fourth attempt commits; another fault is not repeated",
            counted="4 attempts",
            test="tests/integration/test_serializable.py",
        ),
    ),
    _case(18, "PostgreSQL's disk full, then freed"),
    _case(19, "Temporal killed in each phase"),
    _case(20, "faults inside Temporal's own store"),
    _case(21, "Temporal stopped, then continued"),
    _case(22, "worker cut off from Temporal"),
    _case(23, "no worker polls at all"),
    _case(24, "confirm within 50 ms of the deadline, before and after"),
    _case(25, "the worker's clock ten minutes wrong"),
    _case(
        26,
        "200 patients want one slot at once",
        Shown(
            injected="200 POSTs at once over HTTP",
            held="one 201, 199 times 409 with alternatives, I1",
            counted="200 calls",
            test="tests/acceptance/test_races.py::test_two_hundred_patients_want_one_slot",
        ),
    ),
    _case(
        27,
        "confirmed twice at once, by one caller and by two",
        Shown(
            injected="20 confirms with one update id; two callers with two, early",
            held="one confirm, one event, the same answer to all",
            counted="22 confirms",
            test="tests/workflows/test_book_appointment.py::test_twenty_confirmations_at_once",
        ),
    ),
    _case(28, "confirm, cancel and the timer at once"),
    _case(
        29,
        "an Idempotency-Key again: in flight, finished, with another body",
        Shown(
            injected="one key 20 times at once",
            held="one appointment, one answer",
            counted="20 calls",
            test="tests/acceptance/test_races.py::test_one_key_twenty_times_at_once",
        ),
        Shown(
            injected="the key again after the confirm; with another body; in two headers",
            held="the first answer and `Idempotent-Replayed`; 422 `idempotency_key_reused`; 422",
            counted="3 calls",
            test="tests/acceptance/test_booking.py::test_the_same_key_has_the_same_answer",
        ),
    ),
    _case(
        30,
        "Kafka away for long",
        Shown(
            injected="Kafka held down, a visit confirmed, Kafka started",
            held="the confirm answers; e-mail and SMS come after the healing, I3",
            counted="1 visit",
            test="tests/acceptance/test_outages.py::test_without_kafka_confirm_answers",
        ),
    ),
    _case(31, "Kafka's ack lost after the write"),
    _case(32, "Kafka refuses one record"),
    _case(
        33,
        "Redis away when a day is invalidated",
        Shown(
            injected="Redis held down; silent; cut off",
            held="every call answers, nothing is stale when it is back, I4",
            counted="1 visit",
            test="tests/acceptance/test_outages.py::test_without_redis_everything_answers",
        ),
    ),
    _case(
        34,
        "a slow reader fills the cache with an old day",
        Shown(
            injected="every order of the steps of two reads and an invalidated write",
            held="no read shows a stale day, I4; a reader that does not validate is caught",
            counted="more than 16 million orders",
            test="tests/unit/test_every_order.py",
        ),
    ),
    _case(35, "Redis emptied, restarted empty, evicting"),
    _case(
        36,
        "the compensation fails for long",
        Shown(
            injected="the release of a slot fails 5 times",
            held="it is repeated until it is done, and changes once, I8",
            counted="6 attempts",
            test="tests/workflows/test_book_appointment.py::test_the_undo_is_repeated",
        ),
    ),
    _case(
        37,
        "an operator terminates, cancels or resets a run",
        Shown(
            injected="a Temporal cancel while holding, held, confirming, announcing",
            held="it acts in the wait only, and gives the slot back; no event is lost",
            counted="4 phases",
            test="tests/workflows/test_book_appointment.py::temporal_cancel",
        ),
        Shown(
            injected="a run terminated while it held, and after its confirm",
            held="the auditor releases the one, publishes the event of the other with its own id",
            counted="2 runs",
            test="tests/acceptance/test_audit.py::terminated",
        ),
    ),
    _case(
        38,
        "changed workflow code is deployed under open bookings",
        Shown(
            injected="every recorded history replayed with today's code",
            held="no non-determinism",
            counted="{recordings} recordings",
            test="tests/workflows/test_replay.py",
        ),
        Shown(
            injected="a changed order of two steps: at once, with a patch, with worker versions",
            held="the replay fails at once; the patch and the pinned version let bookings end",
            counted="4 stages, 2 versions",
            test="tests/workflows -k 'changing or pinned'",
        ),
    ),
    _case(39, "every link slow and lossy"),
    _case(40, "everything away for a while under load, then back"),
    _case(41, "everything killed at once"),
    _case(
        42,
        "the consumer is given duplicates, and events out of order",
        Shown(
            injected="one event 20 times at once, and once more when its run has ended",
            held="each message is sent once",
            counted="21 deliveries",
            test="tests/workflows/test_deliver_notifications.py::delivered_once",
        ),
        Shown(
            injected="a cancellation told before the confirmation it follows",
            held="what is out of date is dropped",
            counted="2 events",
            test="tests/integration/test_messages.py::cancelled",
        ),
    ),
    _case(
        43,
        "one patient takes many holds",
        Shown(
            injected="holds beyond the cap",
            held="429 `too_many_holds` with Retry-After",
            counted="4 holds",
            test="tests/acceptance/test_booking.py::test_one_patient_holds_no_more_slots",
        ),
    ),
    _case(
        44,
        "hostile bodies and requests",
        Shown(
            injected="schemathesis over docs/openapi.json, with its links, for 40 s",
            held="every answer as described, none a 5xx, each within 6 s",
            counted="about 1 000 to 2 000 calls, as many as the time allows",
            test="tests/fuzz/test_described.py",
        ),
        Shown(
            injected="a corpus of raw requests: bodies, chunks, lengths, smuggling, methods, keys",
            held="each is answered as it should be, and the front end meanwhile",
            counted="{hostile} requests",
            test="tests/fuzz/test_hostile_requests.py",
        ),
    ),
    _case(45, "a visit is moved, cancelled, its target taken, while each part is killed"),
    _case(46, "a leave of many visits while the worker and Temporal are killed by turns"),
    _case(47, "past one machine: each part of a stack of pairs killed in turn"),
)
