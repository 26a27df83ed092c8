"""The tables. Rules that must hold whoever writes are named constraints here."""

from adapters.postgres.tables.bookings import (
    DOCTOR_FREE,
    HOLDS_BY_END,
    IN_SHIFT,
    LAPSES_AT,
    LET_GO,
    PATIENT_FREE,
    VISIT_ONCE,
    VISITS_BY_START,
    appeals,
    move_keys,
    moves,
    notifications,
    schedules,
)
from adapters.postgres.tables.directory import (
    clinics,
    doctor_services,
    doctors,
    services,
    shifts,
)
from adapters.postgres.tables.exceptions import (
    campaign_visits,
    campaigns,
    exception_spans,
    exceptions,
)
from adapters.postgres.tables.imports import imported, imports
from adapters.postgres.tables.naming import metadata
from adapters.postgres.tables.people import (
    accounts,
    calendar_feeds,
    consents,
    patients,
    proxies,
    replies,
)
from adapters.postgres.tables.plans import plan_drafts, plans
from adapters.postgres.tables.trail import (
    audit,
    audit_progress,
    audit_seals,
    events_in_doubt,
    secret_in_use,
)

__all__ = [
    "DOCTOR_FREE",
    "HOLDS_BY_END",
    "IN_SHIFT",
    "LAPSES_AT",
    "LET_GO",
    "PATIENT_FREE",
    "VISITS_BY_START",
    "VISIT_ONCE",
    "accounts",
    "appeals",
    "audit",
    "audit_progress",
    "audit_seals",
    "calendar_feeds",
    "campaign_visits",
    "campaigns",
    "clinics",
    "consents",
    "doctor_services",
    "doctors",
    "events_in_doubt",
    "exception_spans",
    "exceptions",
    "imported",
    "imports",
    "metadata",
    "move_keys",
    "moves",
    "notifications",
    "patients",
    "plan_drafts",
    "plans",
    "proxies",
    "replies",
    "schedules",
    "secret_in_use",
    "services",
    "shifts",
]
