"""By which indexes each statement of the product is answered."""

APPOINTMENT = {"schedules by id"}
PATIENT = {"patients_pkey"}
DOCTOR = {"doctors by id"}
FREE = {"schedules_doctor_free", "schedules_patient_free"}
NOTICE = {"notifications_appointment_id_idx"}
MESSAGE = {"notifications_pkey"}
INBOX = {"notifications_inbox_idx"}
SERVICE = {"services_pkey"}
OF_PATIENT = {"schedules_patient_idx"}

MOVES = {"moves_pkey"}
CONSENTS = {"consents_pkey"}
PROXIES = {"proxies_once", "proxies_proxy_patient_id_idx"}
TRAIL = {"audit_pkey", "audit_seals_pkey"}

BY: dict[str, set[str]] = {
    "accounts.NAMES": PATIENT,
    "accounts.OF_SUBJECT": PATIENT
    | {"accounts_pkey", "proxies_subject_idx", "proxies_proxy_patient_id_idx"},
    "appointments.ONE": APPOINTMENT,
    "appointments.OF_PATIENT": OF_PATIENT,
    "appointments.OF_PATIENT_BEFORE": OF_PATIENT,
    "appointments.PATIENT": PATIENT,
    "audit.EXPIRE_LAPSED": APPOINTMENT | {"schedules_lapses_at_idx"},
    "audit.OPEN_HOLDS": {"schedules_lapses_at_idx"},
    "audit.GIVE_BACK": APPOINTMENT,
    "audit.SWEEP_EVENTS": NOTICE | MOVES | {"schedules_changed_idx"},
    "audit.SETTLE_RECEIVED": NOTICE | {"doubts that are open"},
    "audit.DOUBTS": APPOINTMENT | MOVES | {"events_in_doubt_pkey", "doubts that are open"},
    "audit.SETTLE": {"events_in_doubt_pkey"},
    "audit.FORGET_SETTLED": {"events_in_doubt_settled_idx"},
    "audit.OVERLAPPING": FREE | {"schedules_changed_idx"},
    "consents.OF_PATIENT": PATIENT | CONSENTS,
    "consents.SAY": PATIENT,
    "days.DAYS": DOCTOR | {"schedules_doctor_free", "shifts_pkey"},
    "demo_patients.ONE": PATIENT,
    "demo_patients.SOME": PATIENT,
    "booking_facts.KEPT_MINUTES": APPOINTMENT,
    "booking_facts.LOOK": APPOINTMENT
    | PATIENT
    | DOCTOR
    | OF_PATIENT
    | FREE
    | SERVICE
    | {
        "doctor_services_pkey",
        "schedules_held_by_idx",
        "schedules_let_go_idx",
        "shifts_pkey",
    },
    "booking_facts.OWN": APPOINTMENT,
    "booking_facts.OWN_AT_FIRST": APPOINTMENT | MOVES,
    "booking_search.CODED": APPOINTMENT | DOCTOR,
    "booking_search.IN_TROUBLE.delayed": APPOINTMENT | DOCTOR | {"notifications_created_at_idx"},
    "booking_search.IN_TROUBLE.failed": APPOINTMENT | DOCTOR | {"notifications_created_at_idx"},
    "booking_search.IN_TROUBLE.overdue": APPOINTMENT | DOCTOR | {"schedules_lapses_at_idx"},
    "booking_search.MESSAGES": NOTICE,
    "booking_search.OF_PATIENTS": APPOINTMENT | DOCTOR | OF_PATIENT,
    "booking_search.ORIGIN": APPOINTMENT,
    "forgetting.FORGET": APPOINTMENT
    | MESSAGE
    | {"events_in_doubt_pkey", "notifications_created_at_idx"},
    "campaign_rows.ADD": APPOINTMENT | PATIENT,
    "campaign_rows.BEGIN": set(),
    "campaign_rows.COUNT": APPOINTMENT | {"campaign_visits_pkey"},
    "campaign_rows.OF_DIGEST": {"campaigns_once"},
    "campaign_rows.ONE": DOCTOR | {"campaigns_pkey"},
    "campaign_rows.SET_PACE": {"campaigns_pkey"},
    "campaign_rows.VISITS": APPOINTMENT | {"campaign_visits_pkey"},
    "closing.ROWS": PATIENT | {"schedules_doctor_day_idx"},
    "closing.SHIFTS": {"shifts_pkey"},
    "closing.WRITE": {"shifts_pkey", "shifts_during_idx"},
    "exception_rows.STANDING": DOCTOR | {"exceptions_clinic_id_idx"},
    "exceptions.KEEP": set(),
    "exceptions.MAKE": set(),
    "exceptions.SCOPE": {"doctors_clinic_id_idx", "exceptions_clinic_id_idx"},
    "inbox.DOCTOR_NOW": DOCTOR,
    "inbox.LATER": INBOX,
    "inbox.MARK": MESSAGE,
    "inbox.NEWEST": INBOX,
    "inbox.OLDER": INBOX,
    "borne_out.BORNE_OUT": APPOINTMENT | MOVES | PATIENT,
    "clinic_rules.FIND": {"doctors_clinic_id_idx"},
    "clinic_rules.WRITE": set(),
    "exchange.BOTH": APPOINTMENT,
    "exchange.EXCHANGE": APPOINTMENT | FREE,
    "exchange.MAKE_WAY": APPOINTMENT,
    "move.MADE": MOVES,
    "no_shows.MARK_ABSENT": APPOINTMENT
    | {"doctors_clinic_id_idx", "schedules_doctor_day_idx", "audit_object_idx"},
    "move.MOVE": APPOINTMENT | FREE,
    "promise.PROMISE": APPOINTMENT,
    "promise.PROMISED": APPOINTMENT,
    "move_keys.FIND": {"move_keys_pkey"},
    "move_keys.REFUSE": {"move_keys_pkey"},
    "notifications.BEGIN": APPOINTMENT | DOCTOR | PATIENT | NOTICE | CONSENTS,
    "notifications.POSTPONED": MESSAGE,
    "notifications.RECORD": MESSAGE,
    "openings.OPENINGS": DOCTOR
    | FREE
    | {"doctors_specialty_idx", "shifts_pkey", "services_pkey", "doctor_services_service_id_idx"},
    "operations.FIGURES": {
        "notifications_created_at_idx",
        "schedules_changed_idx",
        "schedules_lapses_at_idx",
    },
    "operations.HOURLY": {"notifications_created_at_idx", "schedules_changed_idx"},
    "reminders.STEPS": set(),
    "reminders.NEAR": PATIENT | NOTICE | {"schedules_begins_at_idx"},
    "receipts.SAY": MESSAGE,
    "receipts.STANDING": APPOINTMENT | MESSAGE | {"notifications_once"},
    "slot_search.FREE": {"schedules_doctor_free"},
    "attendance.SEE": APPOINTMENT | {"audit_object_idx"},
    "attendance.MARK": APPOINTMENT,
    "cancel.CANCEL": APPOINTMENT,
    "end.CONFIRM": APPOINTMENT,
    "take.EXTEND": APPOINTMENT,
    "end.LEAVE_TOMBSTONE": DOCTOR,
    "end.RELEASE": APPOINTMENT,
    "take.TAKE_SLOT": FREE,
    "staff_days.SHIFTS": DOCTOR | {"shifts_pkey"},
    "staff_days.CANCELLED": PATIENT | {"schedules_doctor_day_idx"},
    "staff_days.LIVE": DOCTOR | PATIENT | {"schedules_doctor_free"},
    "staff_days.NAMES": APPOINTMENT | PATIENT,
    "patients.BECOME": set(),
    "patients.CHANGE": PATIENT,
    "patients.ONE": PATIENT,
    "patients.OWN_RECORD": {"accounts_pkey"},
    "patients.PHONES": set(),
    "patients.REGISTER": set(),
    "patients.SAME_PERSON": {"patients_name_idx"},
    "patients.SEEN_BY": PATIENT | OF_PATIENT,
    "publishing.CUT": {"shifts_pkey"},
    "plans.BY_ID": {"plans_pkey"},
    "plans.DESK": DOCTOR,
    "publishing.OPEN": set(),
    "publishing.PLANNED": {"plans_once"},
    "plans.PLANS": {"plans_once"},
    "publishing.ROWS": PATIENT | {"schedules_doctor_day_idx"},
    "publishing.SHIFTS": {"shifts_pkey"},
    "plans.WRITE": set(),
    "proxies.ALLOW": PATIENT,
    "proxies.END": {"proxies_pkey"},
    "proxies.OF_PATIENT": {"proxies_once"},
    "removing_patients.ACT": set(),
    "removing_patients.AHEAD": OF_PATIENT,
    "removing_patients.EXPIRE": OF_PATIENT,
    "removing_patients.FORGET.0": {"accounts_patient_id_idx"},
    "removing_patients.FORGET.1": CONSENTS,
    "removing_patients.FORGET.2": PROXIES,
    "removing_patients.FORGET.3": PATIENT,
    "removing_patients.GO_OVER.0": NOTICE | OF_PATIENT,
    "removing_patients.GO_OVER.1": OF_PATIENT,
    "removing_patients.GO_OVER.2": CONSENTS,
    "removing_patients.GO_OVER.3": PROXIES,
    "removing_patients.GO_OVER.4": PATIENT,
    "removing_patients.LOCK": PATIENT,
    "removing_patients.OVERLAP": OF_PATIENT,
    "setup.CHANGE_CLINIC": set(),
    "setup.CHANGE_DOCTOR": DOCTOR,
    "setup.CHANGE_SERVICE": SERVICE,
    "setup.CLINIC_OF_DOCTOR": DOCTOR,
    "setup.MAKE_CLINIC": set(),
    "setup.MAKE_DOCTOR": set(),
    "setup.MAKE_SERVICE": set(),
    "setup.MANAGE": set(),
    "setup.OFFER": {"doctor_services_pkey"},
    "setup.OF_CLINIC": SERVICE,
    "trail.CHANGES": {"audit_object_idx"},
    "trail.LOOKED_AT": set(),
    "trail_seals.BREAKS": TRAIL,
    "trail_seals.COUNTED": {"audit_seals_pkey"},
    "trail_seals.FIRST": {"audit_seals_pkey"},
    "trail_seals.KNOWN": {"audit_seals_pkey"},
    "trail_seals.LAST": {"audit_seals_pkey"},
    "trail_seals.SEAL": TRAIL,
    "visits.AHEAD": DOCTOR | OF_PATIENT,
    "visits.BEHIND": DOCTOR | OF_PATIENT,
    "visits.ONE": APPOINTMENT | DOCTOR,
    "where_to.VISIT": APPOINTMENT | DOCTOR,
    "withdrawing.DOCTORS": {"doctors_clinic_id_idx"},
    "withdrawing.ONE": {"exceptions_pkey"},
    "withdrawing.PLANS": {"plans_once"},
    "withdrawing.SPANS": {"exception_spans_pkey"},
    "withdrawing.STOP": {"campaigns_exception"},
    "withdrawing.WITHDRAW": {"exceptions_pkey"},
    "zone_rules.OFFSETS": set(),
}
"""A statement of a tuple or a mapping is named by its place in it."""

NO_QUERY = {
    "bookings.NEW_REVISION",
    "naming.NOW",
    "move_keys.BIND",
    "publishing.CHECK",
    "publishing.DEFER",
    "closing.CHECK",
    "closing.DEFER",
}
IN_THEIR_ORDER = {
    "demo_patients.SOME",
    "trail_seals.BREAKS",
    "trail_seals.COUNTED",
    "trail_seals.FIRST",
    "trail_seals.LAST",
    "trail_seals.SEAL",
}
"""Read from the beginning until there is enough: the page is short and so is the way."""

SAME = {
    "schedules_pkey": "schedules by id",
    "schedules_of_patient": "schedules by id",
    "doctors_pkey": "doctors by id",
    "doctors_person": "doctors by id",
    "events_in_doubt_open_idx": "doubts that are open",
}
"""Either finds the row, and the planner may change its mind."""

SMALL_TABLES = {"audit_progress", "clinics"}
