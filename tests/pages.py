"""Every page of the product, so that none is forgotten by what holds for all of them.

`tests/unit/test_all_pages.py` compares the table with the routes. A path names what a test fills
in.
"""

PAGES: dict[str, tuple[str, ...]] = {
    "/": (
        "/?clinic={clinic}",
        "/?clinic={clinic}&weekdays=1&weekdays=2&weekdays=3",
        "/?earliest=12:00&weekdays=1&weekdays=5",
    ),
    "/book/{doctor_id}": ("/book/{doctor}", "/book/{doctor}?date={day}"),
    "/visits": ("/visits",),
    "/proxies": ("/proxies",),
    "/visits/{appointment_id}": ("/visits/{held}", "/visits/{booked}", "/visits/{nothing}"),
    "/visits/{appointment_id}/move": ("/visits/{booked}/move",),
    "/visits/{appointment_id}/move/to": ("/visits/{booked}/move/to?doctor={doctor}&at={free}",),
    "/v/{token}": ("/v/{token}",),
    "/v/{token}/times": ("/v/{token}/times",),
    "/record": ("/record",),
    "/doctor/{doctor_id}": ("/doctor/{doctor}", "/doctor/{doctor}?date={day}"),
    "/doctor/{doctor_id}/week": ("/doctor/{doctor}/week",),
    "/reception": (
        "/reception?clinic={clinic}",
        "/reception?clinic={clinic}&date={day}",
        "/reception?clinic={clinic}&date={day}&patient={patient}",
        "/reception?clinic={clinic}&q={name}",
        "/reception?clinic={clinic}&note=booked&about={booked}",
    ),
    "/reception/times": ("/reception/times?asked=1&clinic={clinic}&patient={patient}",),
    "/reception/calls": ("/reception/calls?clinic={clinic}",),
    "/reception/hours": ("/reception/hours?clinic={clinic}&date={day}",),
    "/reception/unresolved": ("/reception/unresolved?clinic={clinic}",),
    "/reception/visits/{appointment_id}": (
        "/reception/visits/{booked}",
        "/reception/visits/{booked}?for={other}",
    ),
    "/reception/visits/{appointment_id}/move": ("/reception/visits/{booked}/move",),
    "/reception/visits/{appointment_id}/exchange": (
        "/reception/visits/{booked}/exchange?q={name}",
    ),
    "/reception/patients/new": ("/reception/patients/new?name={name}",),
    "/reception/patients/{patient_id}": (
        "/reception/patients/{patient}",
        "/reception/patients/{patient}?q={name}",
    ),
    "/ops": ("/ops",),
    "/ops/bookings": ("/ops/bookings?q={name}",),
    "/ops/bookings/{appointment_id}": ("/ops/bookings/{booked}",),
    "/manage": ("/manage",),
    "/manage/clinics/{clinic_id}": ("/manage/clinics/{clinic}",),
    "/manage/clinics/{clinic_id}/exceptions": ("/manage/clinics/{clinic}/exceptions",),
    "/manage/clinics/{clinic_id}/holidays": ("/manage/clinics/{clinic}/holidays",),
    "/manage/clinics/{clinic_id}/import": ("/manage/clinics/{clinic}/import",),
    "/manage/clinics/{clinic_id}/rules": (
        "/manage/clinics/{clinic}/rules",
        "/manage/clinics/{clinic}/rules?specialty=surgeon",
    ),
    "/manage/imports/{import_id}": ("/manage/imports/{imported}",),
    "/manage/services/{service_id}": ("/manage/services/{service}",),
    "/manage/doctors/{doctor_id}": ("/manage/doctors/{doctor}",),
    "/manage/doctors/{doctor_id}/plan": ("/manage/doctors/{doctor}/plan",),
    "/manage/campaigns/{campaign_id}": ("/manage/campaigns/{campaign}",),
    "/manage/campaigns/{campaign_id}/calls": ("/manage/campaigns/{campaign}/calls",),
    "/problems": ("/problems",),
    "/problems/{code}": ("/problems/slot_taken",),
}
"""By the route."""

NO_PAGES = {
    "/assets/{name}": "what a page is made of",
    "/calendar/{token}.ics": "a calendar",
    "/docs": "the description of the API, by a package",
    "/docs/{name}": "what that is made of",
    "/doctor/{doctor_id}/stream": "a stream",
    "/healthz": "for machines",
    "/metrics": "for machines",
    "/openapi.json": "for machines",
    "/readyz": "for machines",
    "/reception/stream": "a stream",
    "/sign-in": "leads to the issuer",
    "/sign-in/callback": "leads on from the issuer",
    "/visits/{appointment_id}/visit.ics": "a calendar",
}
"""What is read by a GET and is no page of ours, each with its reason."""


def all_pages(**named: object) -> list[str]:
    """Their paths, with what the test has made."""
    return [path.format(**named) for paths in PAGES.values() for path in paths]
