"""What is about to go from the trail is sealed first; what is old may be forgotten.

A line that was deleted within the second before its seal left nothing behind. Now whoever changes
or deletes lines seals all of them by that, so that the next audit misses what is gone. The versions
of a row follow each other without a gap, whoever writes, so that one without its line is missed as
well, and whatever was switched off.

Lines older than a year may go, from the beginning only and with their seals: the function belongs
to the owner, so that the processes, which may only add, can have this done and nothing else.
"""

from alembic import op

revision = "0033"
down_revision = "0032"

SEALED_FIRST = """
CREATE OR REPLACE FUNCTION refuse_change_of_trail() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last audit_seals;
    settled audit_seals;
    unsealed bigint[];
    found bytea[];
    together bytea;
BEGIN
    IF NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RAISE EXCEPTION 'lines of % are only ever added', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    WHILE TG_TABLE_NAME = 'audit' LOOP
        SELECT * INTO last FROM audit_seals ORDER BY place DESC LIMIT 1;
        SELECT * INTO settled FROM audit_seals WHERE at <= clock_timestamp() - interval '1 hour'
        ORDER BY place DESC LIMIT 1;
        SELECT array_agg(id ORDER BY id), array_agg(digest ORDER BY id),
               string_agg(digest, '' ORDER BY id)
        INTO unsealed, found, together
        FROM (
            SELECT a.id, digest_of(a) AS digest FROM audit a
            WHERE a.id > coalesce(settled.last_line, 0) AND a.id NOT IN (
                SELECT unnest(lines) FROM audit_seals WHERE place > coalesce(settled.place, 0)
            )
            ORDER BY a.id LIMIT 100000
        ) lines;
        EXIT WHEN unsealed IS NULL;
        INSERT INTO audit_seals (place, last_line, lines, digests, hash)
        VALUES (coalesce(last.place, 0) + 1,
                greatest(unsealed[cardinality(unsealed)], last.last_line),
                unsealed, found, sha256(coalesce(last.hash, '') || together))
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN NULL;
END
$$
"""

# The last seal of those that go stays without its lines, and holds the place of them all. A call
# takes some seals only: the processes' statements end after seconds.
FORGOTTEN = (
    """
    CREATE FUNCTION forget_trail(kept interval) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        beginning bigint := (SELECT min(place) FROM audit_seals);
        upto bigint;
        gone bigint;
    BEGIN
        SELECT max(place) INTO upto FROM audit_seals
        WHERE place <= beginning + 20
          AND at < clock_timestamp() - greatest(kept, interval '1 year');
        DELETE FROM audit WHERE id IN (SELECT unnest(lines) FROM audit_seals WHERE place <= upto);
        GET DIAGNOSTICS gone = ROW_COUNT;
        DELETE FROM audit_seals WHERE place < upto;
        UPDATE audit_seals SET lines = '{}', digests = '{}' WHERE place = upto;
        RETURN gone;
    END
    $$
    """,
    "REVOKE ALL ON FUNCTION forget_trail FROM PUBLIC",
)

WITHOUT_A_GAP = (
    """
    CREATE OR REPLACE FUNCTION complete_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        promised schedules;
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.doctor_id <> OLD.doctor_id THEN
            SELECT practitioner_id, clinic_id INTO NEW.practitioner_id, NEW.clinic_id
            FROM doctors WHERE id = NEW.doctor_id;
        END IF;
        NEW.visit_id := coalesce(NEW.visit_id, NEW.id);
        IF TG_OP = 'UPDATE' THEN
            IF NEW.attendance IS DISTINCT FROM OLD.attendance THEN
                promised := OLD;
                promised.attendance := NEW.attendance;
                promised.during := NEW.during;
                promised.occupies := NEW.occupies;
            END IF;
            IF promised IS DISTINCT FROM NEW AND (
                NEW.version <> OLD.version
                OR current_setting('priyom.makes_way', true) IS DISTINCT FROM NEW.id::text
            ) THEN
                NEW.version := OLD.version + 1;
            END IF;
            NEW.revision := greatest(OLD.revision + 1, new_revision());
        END IF;
        NEW.updated_at := clock_timestamp();
        IF NEW.status = 'confirmed' THEN
            NEW.confirmed_version := coalesce(NEW.confirmed_version, NEW.version);
        ELSIF NEW.status = 'cancelled' AND NEW.confirmed_version IS NOT NULL THEN
            NEW.cancelled_version := coalesce(NEW.cancelled_version, NEW.version);
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION complete_patient() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.version := OLD.version + 1;
        RETURN NEW;
    END
    $$
    """,
)


def upgrade() -> None:
    for statement in (SEALED_FIRST, *FORGOTTEN, *WITHOUT_A_GAP):
        op.execute(statement)
