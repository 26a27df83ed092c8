"""What everybody may read is asked for again before each use: it changes with every booking."""

import httpx
import pytest

from tests.clinic_rows import Clinic

pytestmark = pytest.mark.unmeasured


async def test_no_cache_on_the_way_shows_the_free_times_and_doctors_of_before(
    api: str, clinic: Clinic
) -> None:
    doctor = f"/doctors/{clinic.doctor_id}"
    told = {}

    async with httpx.AsyncClient(base_url=api, timeout=20) as http:
        for path in ("/slots", "/doctors", doctor, "/clinics", "/specialties", "/services"):
            answer = await http.get(path)
            told[path] = answer.status_code, answer.headers.get("cache-control")

    assert set(told.values()) == {(200, "no-cache")}, told
