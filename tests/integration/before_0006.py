"""The statements of the build before migration 0006, as it sends them: they must go on working."""

TAKE_SLOT = """
WITH lapsed AS (
    UPDATE schedules SET status = 'expired', version = version + 1
    WHERE status = 'held' AND held_until <= clock_timestamp() AND id <> %(appointment_id)s
      AND (practitioner_id = %(practitioner_id)s OR patient_id = %(patient_id)s)
      AND occupies && tstzrange(%(starts_at)s, %(ends_at)s)
    RETURNING id
), taken AS (
    INSERT INTO schedules AS s (id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id,
                                starts_at, ends_at, status, held_until, origin)
    SELECT %(appointment_id)s, %(appointment_id)s, %(patient_id)s, %(doctor_id)s,
           %(practitioner_id)s, %(clinic_id)s, %(starts_at)s, %(ends_at)s, 'held',
           clock_timestamp() + make_interval(secs => 600), 'patient'
    FROM (SELECT count(*) FROM lapsed) AS made_way
    ON CONFLICT DO NOTHING
    RETURNING s.*
)
SELECT s.id, s.version, s.status FROM taken s
"""

CONFIRM = """
UPDATE schedules s
SET status = 'confirmed', confirmed_at = clock_timestamp(), version = version + 1
WHERE id = %(appointment_id)s AND status = 'held'
  AND held_until + interval '2 seconds' > clock_timestamp()
RETURNING s.id, s.version, s.status
"""

CANCEL = """
UPDATE schedules s
SET status = 'cancelled', reason = 'patient_request', cancelled_at = clock_timestamp(),
    version = version + 1
WHERE id = %(appointment_id)s AND status IN ('held', 'confirmed') AND version = %(version)s
  AND starts_at > clock_timestamp()
RETURNING s.id, s.version, s.status
"""

RELEASE = """
UPDATE schedules s
SET status = 'cancelled', reason = 'patient_request', version = version + 1,
    cancelled_at = clock_timestamp()
WHERE id = %(appointment_id)s AND status = 'held'
RETURNING s.id, s.version, s.status
"""

LEAVE_TOMBSTONE = """
INSERT INTO schedules AS s (id, visit_id, patient_id, doctor_id, practitioner_id, clinic_id,
                            starts_at, ends_at, status, reason, origin, cancelled_at)
SELECT %(appointment_id)s, %(appointment_id)s, %(patient_id)s, d.id, d.practitioner_id, d.clinic_id,
       %(starts_at)s, CAST(%(starts_at)s AS timestamptz) + make_interval(mins => d.slot_minutes),
       'cancelled', 'patient_request', 'patient', clock_timestamp()
FROM doctors d WHERE d.id = %(doctor_id)s
ON CONFLICT (id) DO NOTHING
RETURNING s.id, s.version, s.status
"""

TELL_DOCTOR = """
INSERT INTO notifications (
    id, event_id, audience, channel, kind, status, appointment_id, patient_id, doctor_id,
    starts_at, sequence, attempts, sent_at
)
SELECT gen_random_uuid(), %(event_id)s, 'doctor', 'inbox', 'confirmed', 'sent',
    s.id, s.patient_id, s.doctor_id, s.starts_at, %(version)s, 1, clock_timestamp()
FROM schedules s WHERE s.id = %(appointment_id)s
ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
RETURNING doctor_id
"""

TELL_PATIENT = """
INSERT INTO notifications (
    id, event_id, audience, channel, kind, status, appointment_id, patient_id, doctor_id,
    starts_at, sequence, attempts
)
SELECT gen_random_uuid(), %(event_id)s, 'patient', 'email', 'confirmed', 'sending',
    s.id, s.patient_id, s.doctor_id, s.starts_at, %(version)s, 1
FROM schedules s WHERE s.id = %(appointment_id)s
ON CONFLICT ON CONSTRAINT notifications_once DO UPDATE SET attempts = notifications.attempts + 1
RETURNING attempts
"""

NOTE_DOUBT = """
INSERT INTO events_in_doubt (appointment_id, sequence, kind)
VALUES (%(appointment_id)s, %(version)s, 'confirmed') ON CONFLICT DO NOTHING
"""

ADD_SHIFT = """
INSERT INTO shifts (doctor_id, during) VALUES (%(doctor_id)s, tstzrange(%(starts_at)s, %(ends_at)s))
"""

SHIFTS = """
SELECT json_agg(json_build_array(lower(during), upper(during))) FROM shifts
WHERE doctor_id = %(doctor_id)s AND during @> CAST(%(starts_at)s AS timestamptz)
"""
