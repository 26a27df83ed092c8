"""Services, and versions of what a manager changes: a clinic, a doctor, a service.

The trail gets a line for each change that somebody is named for. Bookings refer to clinics and
doctors, so that both are locked at once, in short tries, before anything else is done.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

# As in 0006: who waits longer for the lock than this goes to the back of the queue.
ONE_TRY = "300ms"
BETWEEN_TRIES = 0.2
TRIES = 300

SERVICES = (
    """
    CREATE TABLE services (
        id uuid PRIMARY KEY,
        clinic_id uuid NOT NULL REFERENCES clinics (id),
        specialty text NOT NULL,
        name text NOT NULL,
        minutes smallint NOT NULL,
        self_bookable boolean NOT NULL DEFAULT true,
        version integer NOT NULL DEFAULT 1,
        CONSTRAINT services_minutes CHECK (minutes BETWEEN 5 AND 480),
        CONSTRAINT services_version CHECK (version > 0)
    )
    """,
    "CREATE INDEX services_alphabet_idx ON services (folded(name), name, id)",
    "CREATE INDEX services_clinic_id_idx ON services (clinic_id)",
    """
    CREATE TABLE doctor_services (
        doctor_id uuid NOT NULL REFERENCES doctors (id) ON DELETE CASCADE,
        service_id uuid NOT NULL REFERENCES services (id) ON DELETE CASCADE,
        PRIMARY KEY (doctor_id, service_id)
    )
    """,
    "CREATE INDEX doctor_services_service_id_idx ON doctor_services (service_id)",
    "ALTER TABLE clinics ADD COLUMN version integer NOT NULL DEFAULT 1",
    "ALTER TABLE doctors ADD COLUMN version integer NOT NULL DEFAULT 1",
)

TRAIL = (
    """
    CREATE FUNCTION record_setup() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        named jsonb := nullif(current_setting('priyom.actor', true), '')::jsonb;
        thing jsonb := to_jsonb(NEW);
    BEGIN
        IF named IS NOT NULL THEN
            INSERT INTO audit (actor, role, action, object, version, clinic_ids)
            VALUES (named ->> 'id', named ->> 'role',
                    CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'change' END,
                    thing ->> 'id', (thing ->> 'version')::integer,
                    ARRAY[coalesce(thing ->> 'clinic_id', thing ->> 'id')::uuid]);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    *(
        f"""
        CREATE TRIGGER {table}_recorded AFTER INSERT OR UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION record_setup()
        """
        for table in ("clinics", "doctors", "services")
    ),
)


def upgrade() -> None:
    op.execute(_lock("clinics, doctors"))
    for statement in (*SERVICES, *TRAIL):
        op.execute(statement)


def _lock(tables: str) -> str:
    """A try that fails gives back what it has got of the locks."""
    return f"""
    DO $$
    BEGIN
        SET LOCAL lock_timeout = '{ONE_TRY}';
        FOR i IN 1 .. {TRIES} LOOP
            BEGIN
                LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;
                RETURN;
            EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
                PERFORM pg_sleep({BETWEEN_TRIES});
            END;
        END LOOP;
        RAISE EXCEPTION 'no lock on {tables}' USING ERRCODE = 'lock_not_available';
    END
    $$
    """
