"""Exceptions from plans, and the campaigns that offer another time to whoever is affected.

Additive: the build before reads none of it.
"""

from alembic import op

revision = "0020"
down_revision = "0019"

STATEMENTS = (
    # By the wall clock of the clinic, as plans are: the instants follow from the zone's rules.
    """
    CREATE TABLE exceptions (
        id uuid PRIMARY KEY,
        clinic_id uuid NOT NULL REFERENCES clinics (id),
        doctor_id uuid REFERENCES doctors (id),
        kind text NOT NULL,
        wall_from timestamp NOT NULL,
        wall_until timestamp NOT NULL,
        reason text NOT NULL,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        withdrawn_at timestamptz,
        CONSTRAINT exceptions_kind CHECK (kind IN ('remove', 'add')),
        CONSTRAINT exceptions_wall CHECK (wall_from < wall_until),
        CONSTRAINT exceptions_version CHECK (version > 0)
    )
    """,
    "CREATE INDEX exceptions_clinic_id_idx ON exceptions (clinic_id, wall_until)",
    """
    CREATE TABLE exception_spans (
        exception_id uuid NOT NULL REFERENCES exceptions (id) ON DELETE CASCADE,
        doctor_id uuid NOT NULL REFERENCES doctors (id),
        during tstzrange NOT NULL,
        PRIMARY KEY (exception_id, doctor_id, during)
    )
    """,
    """
    CREATE TABLE campaigns (
        id uuid PRIMARY KEY,
        clinic_id uuid NOT NULL REFERENCES clinics (id),
        doctor_id uuid REFERENCES doctors (id),
        exception_id uuid REFERENCES exceptions (id),
        plan_id uuid REFERENCES plans (id),
        digest text NOT NULL,
        policy text NOT NULL,
        state text NOT NULL DEFAULT 'running',
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT campaigns_policy CHECK (policy IN ('call_list', 'move', 'cancel')),
        CONSTRAINT campaigns_state CHECK (state IN ('running', 'paused', 'stopped')),
        CONSTRAINT campaigns_version CHECK (version > 0),
        CONSTRAINT campaigns_of_one CHECK (num_nonnulls(exception_id, plan_id) = 1),
        CONSTRAINT campaigns_exception UNIQUE (exception_id),
        CONSTRAINT campaigns_plan UNIQUE (plan_id),
        CONSTRAINT campaigns_once UNIQUE (digest)
    )
    """,
    """
    CREATE TABLE campaign_visits (
        campaign_id uuid NOT NULL REFERENCES campaigns (id),
        appointment_id uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
        doctor_id uuid NOT NULL,
        starts_at timestamptz NOT NULL,
        state text NOT NULL,
        offer_id uuid REFERENCES schedules (id),
        asked_at timestamptz,
        answer_until timestamptz,
        PRIMARY KEY (campaign_id, appointment_id),
        CONSTRAINT campaign_visits_state
            CHECK (state IN ('left', 'asked', 'silent', 'without_contact')),
        CONSTRAINT campaign_visits_asked CHECK (state <> 'asked' OR offer_id IS NOT NULL)
    )
    """,
    "CREATE INDEX campaign_visits_appointment_id_idx ON campaign_visits (appointment_id)",
    "CREATE INDEX campaign_visits_offer_id_idx ON campaign_visits (offer_id)",
    *(
        f"""
        CREATE TRIGGER {table}_recorded AFTER INSERT OR UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION record_setup()
        """
        for table in ("exceptions", "campaigns")
    ),
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
