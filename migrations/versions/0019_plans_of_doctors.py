"""A line of the trail about a plan names the doctor whose plan it is.

Only the function is replaced, with the same effect on every other table.
"""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("""
    CREATE OR REPLACE FUNCTION record_setup() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        named jsonb := nullif(current_setting('priyom.actor', true), '')::jsonb;
        thing jsonb := to_jsonb(NEW);
        is_plan boolean := TG_TABLE_NAME = 'plans';
    BEGIN
        IF named IS NOT NULL THEN
            INSERT INTO audit (actor, role, action, object, version, clinic_ids)
            VALUES (named ->> 'id', named ->> 'role',
                    CASE WHEN is_plan THEN 'plan'
                         WHEN TG_OP = 'INSERT' THEN 'create' ELSE 'change' END,
                    CASE WHEN is_plan THEN thing ->> 'doctor_id' ELSE thing ->> 'id' END,
                    (thing ->> 'version')::integer,
                    ARRAY[coalesce(thing ->> 'clinic_id', thing ->> 'id')::uuid]);
        END IF;
        RETURN NULL;
    END
    $$
    """)
