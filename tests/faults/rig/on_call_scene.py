"""What there has to be before the commands of the runbook can be typed, and its own names."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from adapters.kafka.dead_letters import dead_records
from adapters.kafka.events import APPOINTMENTS
from tests.faults.rig.reception import USERNAME, Reception

MANAGER = "manager1"
PARKED_WITHIN = 60


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A visit, a hold, a campaign, and the place of a record that nobody could read."""

    visit: str
    patient: str
    turned_away: str
    """A patient who was refused."""

    doctor: str
    hold: str
    campaign: str
    dead: str

    def named(self, written: str) -> str:
        """As the runbook has it, with what there is here for each place that it leaves open."""
        known = {
            "appointment show": f"appointment show {self.visit}",
            "appointment history": f"appointment history {self.visit}",
            "hold release <id>": f"hold release {self.hold}",
            "campaign show <id>": f"campaign show {self.campaign}",
            "<reference or id>": self.visit,
            "430890e4": self.visit[:8],
            "<id>": self.visit,
            "<appointmentId>": self.visit,
            "<one>": self.visit,
            "<the other>": self.hold,
            "<patient id>": self.turned_away,
            "<patientId>": self.patient,
            "<doctorId>": self.doctor,
            "<subject>": USERNAME,
            "REPLAY=0:17": f"REPLAY={self.dead}",
        }
        for place, here in known.items():
            written = written.replace(place, here)
        return written


async def set_up(reception: Reception) -> Scene:
    visit = reception.visits[-1]
    told = (await reception.call("GET", f"/api/v1/appointments/{visit}")).json()
    slot = (await reception.free_slots(days_ahead=11))[0]
    hold = await reception.held(slot, reception.state["patients"][-1]["id"])
    assert hold.status_code == 201, hold.text
    return Scene(
        visit=visit,
        patient=told["patientId"],
        turned_away=reception.turned_away,
        doctor=told["doctorId"],
        hold=str(hold.json()["appointmentId"]),
        campaign=await _campaign(reception, told["doctorId"], told["dateTime"][:10]),
        dead=await _dead_record(reception),
    )


async def _campaign(reception: Reception, doctor: str, day: str) -> str:
    """The doctor is away on the day of the visit."""
    after = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    wish = {"kind": "remove", "from": f"{day}T00:00", "until": f"{after}T00:00", "reason": "other"}
    path = f"/api/v1/doctors/{doctor}/exceptions"
    preview = await reception.call("POST", path, wish, by=MANAGER, dryRun="true")
    assert preview.status_code == 200, preview.text
    wish["digest"] = preview.json()["digest"]
    answer = await reception.call("POST", path, wish, by=MANAGER)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["campaignId"])


async def _dead_record(reception: Reception) -> str:
    servers = reception.state["kafkaBootstrapServers"] or ""
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(APPOINTMENTS, b"no event", key=uuid4().bytes)
    async with asyncio.timeout(PARKED_WITHIN):
        while not (found := await dead_records(servers)):  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.5)
    return found[0].place
