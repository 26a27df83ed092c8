"""One statement that judges what may be told of an event by each channel, and notes attempts."""

from sqlalchemy import text

from adapters.postgres.direct import one_line
from adapters.postgres.inbox_listener import INBOX
from adapters.postgres.silence import IF_SILENT

# Without an address there is nothing to send. One is kept in reserve only for a channel that may
# speak first: it has an address, and is itself neither withdrawn nor kept in reserve.
# Superseded: the appointment was confirmed, moved or cancelled by a later version, as every other
# change of the row is told to nobody; of an offer, it is held no more; of a reminder, which is of a
# version, there is another. Or the patient has come, the visit is over, or the event is.
# Open: the rows that another attempt may still change. One that was kept in reserve is opened by
# the attempt that stands in for another channel. The doctor's notice is written where asked for.
BEGIN = text(
    one_line(f"""
WITH visit AS (
    SELECT s.id AS appointment_id, s.patient_id, s.doctor_id,
        s.starts_at, s.ends_at, s.reason, s.origin, s.version,
        CASE WHEN CAST(:step AS text) IS NOT NULL THEN s.version ELSE coalesce(
            greatest(s.confirmed_version, s.rescheduled_version, s.cancelled_version),
            CASE WHEN s.status <> 'held' THEN s.version END, 0
        ) END > :sequence
            OR s.status IN ('arrived', 'completed', 'no_show') OR s.ends_at <= clock_timestamp()
            OR coalesce(CAST(:expires_at AS timestamptz) <= clock_timestamp(), false) AS superseded,
        clock_timestamp() AS now, coalesce(p.time_zone, c.time_zone) AS patient_zone,
        p.full_name AS patient_name, coalesce(p.email, '') AS email,
        coalesce(p.phone, '') AS phone, p.language,
        s.held_until,
        CASE WHEN s.origin = 'offer' THEN ({IF_SILENT}) END AS if_silent,
        d.full_name AS doctor_name, d.specialty,
        c.name AS clinic_name, c.address AS clinic_address, c.phone AS clinic_phone, c.time_zone
    FROM schedules s
    JOIN patients p ON p.id = s.patient_id
    JOIN doctors d ON d.id = s.doctor_id
    JOIN clinics c ON c.id = s.clinic_id
    WHERE s.id = :appointment_id
), judged AS (
    SELECT wanted.id, wanted.channel, v.starts_at, CASE
        WHEN v.superseded THEN 'superseded'
        WHEN w.consent = 'withdrawn' OR address.own = '' THEN 'declined'
        WHEN w.consent = 'fallback' AND CAST(:instead_of AS text) IS NULL AND address.other <> ''
            AND coalesce(first.consent, 'given') = 'given' THEN 'reserved'
        ELSE 'sending' END AS status
    FROM visit v
    CROSS JOIN unnest(CAST(:ids AS uuid[]), CAST(:channels AS text[])) AS wanted (id, channel)
    CROSS JOIN LATERAL (SELECT
        CASE wanted.channel WHEN 'sms' THEN v.phone ELSE v.email END AS own,
        CASE wanted.channel WHEN 'sms' THEN v.email ELSE v.phone END AS other
    ) address
    LEFT JOIN consents w
        ON w.patient_id = v.patient_id AND w.kind = :consent AND w.channel = wanted.channel
    LEFT JOIN consents first ON first.patient_id = v.patient_id AND first.kind = :consent
        AND first.channel <> wanted.channel
), attempt AS (
    INSERT INTO notifications (
        id, event_id, audience, channel, kind, status, appointment_id, patient_id, doctor_id,
        starts_at, sequence, attempts, instead_of, step
    )
    SELECT id, :event_id, 'patient', channel, :kind, status,
        :appointment_id, :patient_id, :doctor_id, starts_at, :sequence,
        CASE WHEN status = 'sending' THEN 1 ELSE 0 END, :instead_of, :step
    FROM judged
    ON CONFLICT ON CONSTRAINT notifications_once DO UPDATE SET
        (status, attempts, instead_of) = (
            SELECT
                CASE WHEN is_open THEN excluded.status ELSE notifications.status END,
                notifications.attempts + CASE WHEN is_open THEN excluded.attempts ELSE 0 END,
                CASE WHEN is_open THEN excluded.instead_of ELSE notifications.instead_of END
            FROM (SELECT notifications.status = 'sending' OR (
                notifications.status = 'reserved' AND excluded.instead_of IS NOT NULL
            )) AS row (is_open)
        )
    RETURNING id, channel, status, error
), notice AS (
    INSERT INTO notifications (
        id, event_id, audience, channel, kind, status, appointment_id, patient_id, doctor_id,
        starts_at, sequence, attempts, sent_at
    )
    SELECT told.id, :event_id, 'doctor', 'inbox', :kind,
        CASE WHEN EXISTS (
            SELECT FROM notifications later
            WHERE later.appointment_id = v.appointment_id AND later.audience = 'doctor'
              AND later.sequence > :sequence AND later.doctor_id = told.doctor_id
        ) THEN 'superseded' ELSE 'sent' END,
        v.appointment_id, v.patient_id, told.doctor_id, told.starts_at, :sequence, 1,
        clock_timestamp()
    FROM visit v CROSS JOIN unnest(
        CAST(:notice_ids AS uuid[]), CAST(:notice_doctors AS uuid[]),
        CAST(:notice_times AS timestamptz[])
    ) AS told (id, doctor_id, starts_at)
    ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
    RETURNING doctor_id
), told AS MATERIALIZED (SELECT pg_notify('{INBOX}', doctor_id::text) FROM notice)
SELECT attempt.id, attempt.channel, attempt.status, attempt.error, visit.*,
    (SELECT count(*) FROM told) AS notices
FROM visit LEFT JOIN attempt ON true
""").as_string()  # noqa: S608 - a constant of ours
)
