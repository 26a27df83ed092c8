"""Those who may sign in at the development issuer: two or more of each role, of two clinics."""

import hashlib
import hmac
from collections.abc import Iterator, Sequence

import psycopg

from stack.run_state import DemoAccount
from stack.seed_data import CLINICS, demo_doctors, demo_patients

SAVE = """
INSERT INTO accounts (issuer, subject, patient_id, practitioner_id, clinic_ids)
VALUES (
    %(issuer)s, %(username)s, (SELECT id FROM patients WHERE id = %(patientId)s),
    (SELECT practitioner_id FROM doctors WHERE id = %(doctorId)s),
    CASE WHEN %(clinicId)s::uuid IS NULL THEN '{}'::uuid[] ELSE ARRAY[%(clinicId)s::uuid] END
)
ON CONFLICT ON CONSTRAINT accounts_pkey DO NOTHING
"""


def demo_accounts(secret: str, *, seeded: bool) -> list[DemoAccount]:
    """Their passwords are this stack's own, and the same after each start.

    Without the demo's clinics they are people with a role and no record yet.
    """

    def password(username: str) -> str:
        return hmac.digest(secret.encode(), username.encode(), hashlib.sha256).hex()[:16]

    accounts: list[DemoAccount] = [
        {**each, "password": password(each["username"])} for each in _accounts()
    ]
    return accounts if seeded else [_without_record(each) for each in accounts]


def _without_record(account: DemoAccount) -> DemoAccount:
    return {**account, "patientId": None, "doctorId": None, "clinicId": None}


def _accounts() -> Iterator[DemoAccount]:
    patients = list(demo_patients())
    russian = [each for each in patients if each.language == "ru"]
    english = [each for each in patients if each.language == "en"]
    for number, patient in enumerate((russian[0], english[0], russian[1]), 1):
        yield _account(f"patient{number}", "patient", patient=str(patient.id))
    doctors = demo_doctors(12)
    for number, clinic in enumerate(CLINICS[:2], 1):
        yield _account(f"reception{number}", "reception", clinic=str(clinic.id))
        doctor = next(each for each in doctors if each.clinic == clinic)
        yield _account(f"doctor{number}", "doctor", clinic=str(clinic.id), doctor=str(doctor.id))
        yield _account(f"manager{number}", "manager", clinic=str(clinic.id))
        yield _account(f"operations{number}", "operations", clinic=str(clinic.id))


def _account(
    username: str,
    role: str,
    *,
    patient: str | None = None,
    doctor: str | None = None,
    clinic: str | None = None,
) -> DemoAccount:
    return {
        "username": username,
        "password": "",
        "role": role,
        "patientId": patient,
        "doctorId": doctor,
        "clinicId": clinic,
    }


async def save_accounts(url: str, issuer: str, accounts: Sequence[DemoAccount]) -> None:
    """Who they are here; what was changed since is left as it is."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for each in accounts:
            await connection.execute(SAVE, {**each, "issuer": issuer})
