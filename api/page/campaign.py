"""What the page of a campaign shows: the parts of a bar, and each patient with what they said."""

from dataclasses import dataclass

from adapters.postgres.campaign_rows import Campaign, CampaignVisit, Part
from adapters.postgres.database import Connection
from adapters.postgres.directory import Clinic, doctors_of
from adapters.postgres.patients import patients_of
from api.http.looks import note
from domain.actors import Actor
from domain.patients import Patient

BAR = 1000
"""How long the bar is, in units of its own."""

ORDER = (
    Part.MOVED,
    Part.CANCELLED,
    Part.ASKED,
    Part.DECLINED,
    Part.SILENT,
    Part.WITHOUT_CONTACT,
    Part.LEFT,
)


@dataclass(frozen=True, kw_only=True)
class Callee:
    """A visit of the campaign, and whose it is; null for a record that was erased."""

    visit: CampaignVisit
    person: Patient | None
    doctor: str


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One part of the bar: from where, how long."""

    part: Part
    count: int
    begins: int
    length: int


@dataclass(frozen=True, kw_only=True)
class CallList:
    """`state` is the part that is listed, or `toCall`."""

    campaign: Campaign
    clinic: Clinic
    callees: list[Callee]
    state: str
    further: str | None


@dataclass(frozen=True, kw_only=True)
class CampaignPage:
    """How far it is."""

    campaign: Campaign
    clinic: Clinic
    may_run: bool

    @property
    def bar(self) -> list[Stretch]:
        """Its stretches fill the bar, whatever is rounded away."""
        total, done, stretches = self.campaign.total, 0, list[Stretch]()
        for part in ORDER:
            count = self.campaign.parts[part]
            begins = BAR * done // total if total else 0
            done += count
            ends = BAR * done // total if total else 0
            stretches.append(Stretch(part=part, count=count, begins=begins, length=ends - begins))
        return stretches

    @property
    def mark(self) -> str:
        """Changes with whatever the figures say."""
        counts = "-".join(str(self.campaign.parts[part]) for part in ORDER)
        return f"{self.campaign.pace}-{counts}"


async def callees_of(
    connection: Connection, actor: Actor, listed: list[CampaignVisit]
) -> list[Callee]:
    """With names and telephones; the look is in the audit trail."""
    people = await patients_of(connection, {each.patient_id for each in listed})
    doctors = await doctors_of(connection, {each.doctor_id for each in listed})
    await note(connection, actor, "read", list(people))
    return [
        Callee(visit=each, person=people.get(each.patient_id), doctor=doctors[each.doctor_id].name)
        for each in listed
    ]
