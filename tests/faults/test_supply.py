"""What a load books: each slot and each patient once, and no more than there are."""

from collections import deque
from uuid import uuid4

import pytest

from tests.faults.rig.history import Slot
from tests.faults.rig.supply import SoldOut, Supply

SLOT = Slot(doctor_id="d", starts_at="2030-01-14T06:00:00Z", date="2030-01-14")


def test_a_load_that_has_nothing_left_to_book_says_so() -> None:
    supply = Supply(secret=b"s" * 32, slots=deque([SLOT]), patients=deque([uuid4()]))
    supply.booking(supply.slot())

    with pytest.raises(SoldOut, match="slot"):
        supply.slot()
    with pytest.raises(SoldOut, match="patient"):
        supply.booking(SLOT)
