"""Who signs in for the demo: its patients, and the reception of the doctor's clinic."""

import asyncio

from stack.home import Home
from stack.run_state import Patient, RunState
from stack.seed_data import demo_patients
from stack.tokens import access_token

Headers = dict[str, str]


class DemoTokens:
    """A header for each who acts; none where nobody signs in."""

    def __init__(self, home: Home, run: RunState) -> None:
        self._home = home
        self._run = run
        self._known: dict[str, str] = {}

    @property
    def are_needed(self) -> bool:
        return "issuer" in self._run

    def patients(self) -> list[Patient]:
        """Those who can sign in, or everybody where nobody does."""
        if not self.are_needed:
            return self._run["patients"]
        by_id = {str(each.id): each for each in demo_patients()}
        ids = [each["patientId"] for each in self._run.get("accounts", []) if each["patientId"]]
        return [
            {
                "id": known,
                "email": by_id[known].email,
                "phone": by_id[known].phone,
                "language": by_id[known].language,
            }
            for known in ids
        ]

    def name_of(self, patient_id: str) -> str:
        """What the patient is called at the issuer."""
        accounts = self._run.get("accounts", [])
        return next((a["username"] for a in accounts if a["patientId"] == patient_id), "")

    async def of_patient(self, patient_id: str) -> Headers:
        return await self._header(self.name_of(patient_id))

    async def of_reception(self, clinic_id: str) -> Headers:
        accounts = self._run.get("accounts", [])
        desks = (a for a in accounts if a["role"] == "reception" and a["clinicId"] == clinic_id)
        return await self._header(next((each["username"] for each in desks), ""))

    async def _header(self, username: str) -> Headers:
        if not self.are_needed:
            return {}
        if username not in self._known:
            asked = asyncio.to_thread(access_token, self._home, self._run, username)
            self._known[username] = await asked
        return {"Authorization": f"Bearer {self._known[username]}"}
