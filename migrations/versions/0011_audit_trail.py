"""The trail of who did what: a line for every change of an appointment or a patient, whoever writes.

A trigger writes it in the transaction of the change. The product says who acts by the setting
`priyom.actor`; without it the change was made by SQL. Lines are only ever added. What is sealed
cannot be changed without notice: a seal keeps the digests of its lines and of the seal before.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

# As in 0006: who waits longer for the lock than this goes to the back of the queue.
ONE_TRY = "300ms"
BETWEEN_TRIES = 0.2
TRIES = 300

TRAIL = (
    """
    CREATE TABLE audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        actor text NOT NULL,
        role text NOT NULL,
        action text NOT NULL,
        object text NOT NULL,
        version integer,
        outcome text NOT NULL DEFAULT 'done',
        patient_id uuid,
        clinic_ids uuid[],
        status text,
        doctor_id uuid,
        starts_at timestamptz,
        reason text
    )
    """,
    "CREATE INDEX audit_object_idx ON audit (object, id)",
    "CREATE INDEX audit_actor_idx ON audit (actor, id)",
    # Lines are as good as in the order of their instants: this one costs a booking next to nothing.
    "CREATE INDEX audit_at_idx ON audit USING brin (at)",
    """
    CREATE TABLE audit_seals (
        place bigint PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        last_line bigint NOT NULL,
        lines bigint[] NOT NULL,
        digests bytea[] NOT NULL,
        hash bytea NOT NULL
    )
    """,
    # Column by column: a column that a later migration adds must not change what was sealed.
    """
    CREATE FUNCTION digest_of(line audit) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(convert_to(jsonb_build_array(
        line.id, extract(epoch FROM line.at), line.actor, line.role, line.action, line.object,
        line.version, line.outcome, line.patient_id, line.clinic_ids, line.status, line.doctor_id,
        extract(epoch FROM line.starts_at), line.reason
    )::text, 'UTF8'))
    """,
    # The owner may: retention does, and operations in need. Whoever is not the owner may only add,
    # whatever has been granted.
    """
    CREATE FUNCTION refuse_change_of_trail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
            RETURN NULL;
        END IF;
        RAISE EXCEPTION 'lines of % are only ever added', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END
    $$
    """,
    *(
        f"""
        CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_trail()
        """
        for table in ("audit", "audit_seals")
    ),
)

# A lapse is nobody's doing, also where it is found by whoever takes the slot next. A hold that is
# given back after a failure ends in the same way.
SCHEDULES = (
    """
    CREATE FUNCTION record_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        named jsonb := nullif(current_setting('priyom.actor', true), '')::jsonb;
        who text := coalesce(named ->> 'id', session_user);
        as_what text := coalesce(named ->> 'role', 'sql');
        change text;
    BEGIN
        IF TG_OP = 'INSERT' THEN
            change := CASE NEW.status WHEN 'held' THEN 'hold' ELSE 'create' END;
        ELSIF TG_OP = 'DELETE' THEN
            NEW := OLD;
            NEW.version := OLD.version + 1;
            NEW.updated_at := clock_timestamp();
            change := 'delete';
        ELSIF NEW.status <> OLD.status THEN
            change := CASE
                WHEN NEW.status = 'confirmed' AND OLD.status = 'held' THEN 'confirm'
                WHEN NEW.status = 'cancelled' THEN 'cancel'
                WHEN NEW.status = 'expired' THEN 'expire'
                WHEN NEW.status = 'arrived' AND OLD.status = 'confirmed' THEN 'arrive'
                WHEN NEW.status = 'completed' THEN 'complete'
                WHEN NEW.status = 'no_show' THEN 'no-show'
                WHEN NEW.status IN ('arrived', 'confirmed') THEN 'undo-attendance'
                ELSE 'change'
            END;
        ELSE
            change := CASE
                WHEN NEW.starts_at <> OLD.starts_at OR NEW.doctor_id <> OLD.doctor_id
                    THEN 'reschedule'
                WHEN NEW.patient_id <> OLD.patient_id THEN 'merge'
                WHEN NEW.extensions > OLD.extensions THEN 'extend'
                WHEN NEW.attendance IS DISTINCT FROM OLD.attendance THEN 'promise'
                ELSE 'change'
            END;
        END IF;
        IF NEW.status = 'expired' AND named IS NOT NULL THEN
            who := 'system';
            as_what := 'system';
        END IF;
        INSERT INTO audit (at, actor, role, action, object, version, patient_id, clinic_ids,
                           status, doctor_id, starts_at, reason)
        VALUES (NEW.updated_at, who, as_what, change, NEW.id, NEW.version, NEW.patient_id,
                ARRAY[NEW.clinic_id], NEW.status, NEW.doctor_id, NEW.starts_at,
                coalesce(named ->> 'reason', NEW.reason));
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER schedules_recorded AFTER INSERT OR UPDATE OR DELETE ON schedules
    FOR EACH ROW EXECUTE FUNCTION record_schedule()
    """,
    """
    CREATE OR REPLACE FUNCTION complete_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.doctor_id <> OLD.doctor_id THEN
            SELECT practitioner_id, clinic_id INTO NEW.practitioner_id, NEW.clinic_id
            FROM doctors WHERE id = NEW.doctor_id;
        END IF;
        NEW.visit_id := coalesce(NEW.visit_id, NEW.id);
        NEW.updated_at := clock_timestamp();
        IF TG_OP = 'UPDATE' THEN
            NEW.revision := nextval('revisions');
            NEW.version := greatest(NEW.version, OLD.version + 1);
        END IF;
        IF NEW.status = 'confirmed' THEN
            NEW.confirmed_version := coalesce(NEW.confirmed_version, NEW.version);
        ELSIF NEW.status = 'cancelled' AND NEW.confirmed_version IS NOT NULL THEN
            NEW.cancelled_version := coalesce(NEW.cancelled_version, NEW.version);
        END IF;
        RETURN NEW;
    END
    $$
    """,
)

PATIENTS = (
    """
    CREATE FUNCTION complete_patient() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.version := greatest(NEW.version, OLD.version + 1);
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER patients_complete BEFORE UPDATE ON patients
    FOR EACH ROW EXECUTE FUNCTION complete_patient()
    """,
    """
    CREATE FUNCTION record_patient() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        named jsonb := nullif(current_setting('priyom.actor', true), '')::jsonb;
        change text;
    BEGIN
        IF TG_OP = 'DELETE' THEN
            NEW := OLD;
            NEW.version := OLD.version + 1;
        END IF;
        change := CASE
            WHEN TG_OP = 'INSERT' THEN 'create'
            WHEN TG_OP = 'DELETE' THEN 'delete'
            WHEN OLD.erased_at IS NULL AND NEW.merged_into IS NOT NULL THEN 'merge'
            WHEN OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL THEN 'erase'
            ELSE 'change'
        END;
        INSERT INTO audit (actor, role, action, object, version, patient_id, clinic_ids)
        VALUES (coalesce(named ->> 'id', session_user), coalesce(named ->> 'role', 'sql'), change,
                NEW.id, NEW.version, NEW.id,
                ARRAY(SELECT jsonb_array_elements_text(named -> 'clinics')::uuid));
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER patients_recorded AFTER INSERT OR UPDATE OR DELETE ON patients
    FOR EACH ROW EXECUTE FUNCTION record_patient()
    """,
)


def upgrade() -> None:
    for statement in TRAIL:
        op.execute(statement)
    op.execute(_lock("schedules, patients"))
    for statement in (*SCHEDULES, *PATIENTS):
        op.execute(statement)


def _lock(tables: str) -> str:
    """A try that fails gives back what it has got of the locks."""
    return f"""
    DO $$
    BEGIN
        SET LOCAL lock_timeout = '{ONE_TRY}';
        FOR i IN 1 .. {TRIES} LOOP
            BEGIN
                LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE;
                RETURN;
            EXCEPTION WHEN lock_not_available THEN
                PERFORM pg_sleep({BETWEEN_TRIES});
            END;
        END LOOP;
        RAISE EXCEPTION 'no lock on {tables}' USING ERRCODE = 'lock_not_available';
    END
    $$
    """
