"""People as a clinic knows them: what a record of a patient may lack, and who acts for whom.

A record that is gone stays as a row without a person, since visits refer to it: it was erased, or
its visits went over to another record of the same person.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

PERSONAL = ("full_name", "phone", "email", "birth_date")

STATEMENTS = (
    """
    ALTER TABLE patients
        ALTER COLUMN phone DROP NOT NULL,
        ALTER COLUMN email DROP NOT NULL,
        ADD COLUMN birth_date date,
        ADD COLUMN version integer NOT NULL DEFAULT 1,
        ADD COLUMN merged_into uuid CONSTRAINT patients_merged_into_fkey REFERENCES patients (id),
        ADD COLUMN erased_at timestamptz,
        ADD CONSTRAINT patients_version CHECK (version > 0),
        ADD CONSTRAINT patients_merged_is_erased CHECK (
            merged_into IS NULL OR erased_at IS NOT NULL
        ),
        ADD CONSTRAINT patients_erased_is_nobody CHECK (
            erased_at IS NULL OR (full_name = '' AND num_nonnulls(phone, email, birth_date) = 0)
        )
    """,
    # What the planner remembers of a column are values of it. Nothing is planned by these.
    *(f"ALTER TABLE patients ALTER COLUMN {column} SET STATISTICS 0" for column in PERSONAL),
    *(
        f"SELECT pg_clear_attribute_stats('public', 'patients', '{column}', false)"
        for column in PERSONAL[:-1]
    ),
    # Whether somebody is known already is asked by the name. An index over an expression would keep
    # statistics of its own.
    "CREATE INDEX patients_name_idx ON patients (folded(full_name))",
    "ALTER INDEX patients_name_idx ALTER COLUMN 1 SET STATISTICS 0",
    """
    CREATE TABLE proxies (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT proxies_patient_id_fkey
            REFERENCES patients (id) ON DELETE CASCADE,
        subject text,
        proxy_patient_id uuid CONSTRAINT proxies_proxy_patient_id_fkey
            REFERENCES patients (id) ON DELETE CASCADE,
        until timestamptz,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT proxies_is_somebody CHECK (num_nonnulls(subject, proxy_patient_id) = 1),
        CONSTRAINT proxies_once UNIQUE NULLS NOT DISTINCT (patient_id, subject, proxy_patient_id)
    )
    """,
    "CREATE INDEX proxies_subject_idx ON proxies (subject) WHERE subject IS NOT NULL",
    """
    CREATE INDEX proxies_proxy_patient_id_idx ON proxies (proxy_patient_id)
        WHERE proxy_patient_id IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
