"""The clinic: doctors, patients, shifts, Schedules and notifications."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "CREATE SEQUENCE revisions",
    """
    CREATE TABLE clinics (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        address text NOT NULL,
        time_zone text NOT NULL,
        phone text NOT NULL DEFAULT ''
    )
    """,
    """
    CREATE TABLE doctors (
        id uuid PRIMARY KEY,
        practitioner_id uuid NOT NULL,
        full_name text NOT NULL,
        specialty text NOT NULL,
        clinic_id uuid NOT NULL CONSTRAINT doctors_clinic_id_fkey REFERENCES clinics (id),
        slot_minutes smallint NOT NULL DEFAULT 30,
        CONSTRAINT doctors_slot_minutes CHECK (slot_minutes BETWEEN 5 AND 480),
        CONSTRAINT doctors_person UNIQUE (id, practitioner_id)
    )
    """,
    "CREATE INDEX doctors_clinic_id_idx ON doctors (clinic_id)",
    "CREATE INDEX doctors_specialty_idx ON doctors (specialty, clinic_id)",
    """
    CREATE TABLE patients (
        id uuid PRIMARY KEY,
        full_name text NOT NULL,
        phone text NOT NULL,
        email text NOT NULL,
        language text NOT NULL DEFAULT 'ru',
        CONSTRAINT patients_language CHECK (language IN ('ru', 'en'))
    )
    """,
    # A doctor is a doctor at one clinic, so the shift's clinic follows from the doctor.
    """
    CREATE TABLE shifts (
        doctor_id uuid NOT NULL CONSTRAINT shifts_doctor_id_fkey REFERENCES doctors (id),
        during tstzrange NOT NULL,
        clinic_id uuid NOT NULL CONSTRAINT shifts_clinic_id_fkey REFERENCES clinics (id),
        revision bigint NOT NULL DEFAULT nextval('revisions'),
        CONSTRAINT shifts_pkey PRIMARY KEY (doctor_id, during WITHOUT OVERLAPS),
        CONSTRAINT shifts_during_is_bounded CHECK (
            NOT lower_inf(during) AND NOT upper_inf(during)
            AND lower_inc(during) AND NOT upper_inc(during)
        )
    )
    """,
    # A visit and its move share `visit_id` and may overlap; they are one patient's (schedules_visit).
    # `occupies` is null for a row that occupies nothing, and carries three rules at once: one
    # doctor, one patient, and never outside a shift (a temporal foreign key of PostgreSQL 18).
    """
    CREATE TABLE schedules (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT schedules_patient_id_fkey REFERENCES patients (id),
        doctor_id uuid NOT NULL CONSTRAINT schedules_doctor_id_fkey REFERENCES doctors (id),
        practitioner_id uuid NOT NULL,
        clinic_id uuid NOT NULL CONSTRAINT schedules_clinic_id_fkey REFERENCES clinics (id),
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        during tstzrange GENERATED ALWAYS AS (tstzrange(starts_at, ends_at)) STORED,
        occupies tstzrange GENERATED ALWAYS AS (
            CASE WHEN status IN ('held', 'confirmed') THEN tstzrange(starts_at, ends_at) END
        ) STORED,
        status text NOT NULL,
        held_until timestamptz,
        extensions smallint NOT NULL DEFAULT 0,
        version integer NOT NULL DEFAULT 1,
        visit_id uuid NOT NULL,
        origin text NOT NULL DEFAULT 'patient',
        reason text,
        confirmed_at timestamptz,
        cancelled_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        revision bigint NOT NULL DEFAULT nextval('revisions'),
        CONSTRAINT schedules_status CHECK (status IN (
            'held', 'confirmed', 'cancelled', 'expired', 'arrived', 'completed', 'no_show'
        )),
        CONSTRAINT schedules_ends_after_start CHECK (ends_at > starts_at),
        CONSTRAINT schedules_hold_has_an_end CHECK (status <> 'held' OR held_until IS NOT NULL),
        CONSTRAINT schedules_version CHECK (version > 0),
        CONSTRAINT schedules_of_patient UNIQUE (id, patient_id),
        CONSTRAINT schedules_visit FOREIGN KEY (visit_id, patient_id)
            REFERENCES schedules (id, patient_id),
        CONSTRAINT schedules_doctor_free EXCLUDE USING gist (
            practitioner_id WITH =, occupies WITH &&, visit_id WITH <>
        ),
        CONSTRAINT schedules_patient_free EXCLUDE USING gist (
            patient_id WITH =, occupies WITH &&, visit_id WITH <>
        ),
        CONSTRAINT schedules_person FOREIGN KEY (doctor_id, practitioner_id)
            REFERENCES doctors (id, practitioner_id) ON UPDATE CASCADE,
        CONSTRAINT schedules_in_shift FOREIGN KEY (doctor_id, PERIOD occupies)
            REFERENCES shifts (doctor_id, PERIOD during)
    )
    """,
    "CREATE INDEX schedules_doctor_day_idx ON schedules (doctor_id, starts_at)",
    "CREATE INDEX schedules_patient_idx ON schedules (patient_id, created_at, id)",
    """
    CREATE TABLE notifications (
        id uuid PRIMARY KEY,
        event_id uuid NOT NULL,
        audience text NOT NULL,
        channel text NOT NULL,
        kind text NOT NULL,
        status text NOT NULL,
        appointment_id uuid NOT NULL
            CONSTRAINT notifications_appointment_id_fkey REFERENCES schedules (id),
        patient_id uuid,
        doctor_id uuid NOT NULL,
        starts_at timestamptz NOT NULL,
        sequence integer NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        provider_message_id text,
        error text,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        sent_at timestamptz,
        read_at timestamptz,
        CONSTRAINT notifications_once UNIQUE (event_id, audience, channel),
        CONSTRAINT notifications_audience CHECK (audience IN ('patient', 'doctor')),
        CONSTRAINT notifications_channel CHECK (channel IN ('email', 'sms', 'inbox')),
        CONSTRAINT notifications_status CHECK (
            status IN ('sending', 'sent', 'delivered', 'failed', 'superseded')
        )
    )
    """,
    "CREATE INDEX notifications_appointment_id_idx ON notifications (appointment_id)",
    "CREATE INDEX notifications_inbox_idx ON notifications (doctor_id, audience, created_at, id)",
    # What follows from the doctor is filled from the doctor, so that no writer can get it wrong;
    # every change of a row takes a new revision, so that no cached day can pass for the new one.
    """
    CREATE FUNCTION complete_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.doctor_id <> OLD.doctor_id THEN
            SELECT practitioner_id, clinic_id INTO NEW.practitioner_id, NEW.clinic_id
            FROM doctors WHERE id = NEW.doctor_id;
        END IF;
        NEW.visit_id := coalesce(NEW.visit_id, NEW.id);
        IF TG_OP = 'UPDATE' THEN
            NEW.revision := nextval('revisions');
            NEW.updated_at := clock_timestamp();
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER schedules_complete BEFORE INSERT OR UPDATE ON schedules
    FOR EACH ROW EXECUTE FUNCTION complete_schedule()
    """,
    """
    CREATE FUNCTION complete_shift() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.doctor_id <> OLD.doctor_id THEN
            SELECT clinic_id INTO NEW.clinic_id FROM doctors WHERE id = NEW.doctor_id;
        END IF;
        IF TG_OP = 'UPDATE' THEN
            NEW.revision := nextval('revisions');
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER shifts_complete BEFORE INSERT OR UPDATE ON shifts
    FOR EACH ROW EXECUTE FUNCTION complete_shift()
    """,
    # A time zone that PostgreSQL does not know would break every day of the clinic.
    """
    CREATE FUNCTION check_time_zone() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_timezone_names WHERE name = NEW.time_zone) THEN
            RAISE EXCEPTION 'unknown time zone %', NEW.time_zone USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER clinics_time_zone BEFORE INSERT OR UPDATE OF time_zone ON clinics
    FOR EACH ROW EXECUTE FUNCTION check_time_zone()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
