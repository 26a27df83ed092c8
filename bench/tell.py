"""How soon is a patient told? `python -m bench.tell` (after `make up`, `make seed`).

From the confirm's 200 to the letter in the mailbox, at a steady rate.
"""

import asyncio
import sys
import time
from datetime import datetime

from bench.clinic import Clinic, Confirmed, options_of
from bench.figures import quantiles

WARM_SECONDS = 5
TOLD_WITHIN = 30.0
LETTERS = """
SELECT appointment_id::text, id::text FROM notifications
WHERE channel = 'email' AND status = 'sent' AND appointment_id::text = ANY(%s)
"""


async def delays(clinic: Clinic, confirmed: list[Confirmed]) -> list[float]:
    """Milliseconds from each confirm's 200 to its letter; 0 where the letter came first."""
    ids, begun = [each.appointment_id for each in confirmed], time.perf_counter()
    letters: dict[str, str] = {}
    while len(letters) < len(ids) and time.perf_counter() < begun + TOLD_WITHIN:
        letters = dict(await clinic.rows(LETTERS, ids))
        await asyncio.sleep(0.5)
    arrived = {
        message["key"].strip("<>").partition("@")[0]: datetime.fromisoformat(message["receivedAt"])
        for message in await clinic.mailbox("GET", "/messages?channel=email")
    }
    missing = [each for each in ids if letters.get(each) not in arrived]
    if missing:
        sys.exit(f"void: {len(missing)} visits without a letter after {TOLD_WITHIN:g} s")
    told = [(arrived[letters[each.appointment_id]].timestamp(), each.at) for each in confirmed]
    return [max(0.0, letter - answer) * 1000 for letter, answer in told]


async def run(clinic: Clinic, *, rate: float, seconds: float) -> None:
    todo = await clinic.wishes()
    warm, measured = int(rate * WARM_SECONDS), int(rate * seconds)
    await clinic.mailbox("DELETE", "/messages")
    await clinic.book(todo[:warm], rate=rate)
    done = await clinic.book(todo[warm : warm + measured], rate=rate)
    took = quantiles(await delays(clinic, done.confirmed))
    print(f"{rate:g} bookings a second for {seconds:g} s, refused {done.refused}")
    print(f"confirm's 200 → e-mail, {len(done.confirmed)} visits, ms:", took)
    await clinic.close()


if __name__ == "__main__":
    chosen = options_of(__doc__, rate=5.0, seconds=60.0)
    asyncio.run(run(Clinic(chosen.home), rate=chosen.rate, seconds=chosen.seconds))
