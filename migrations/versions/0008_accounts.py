"""Who somebody of an issuer is here, where the issuer's tokens do not say it."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE accounts (
        issuer text NOT NULL,
        subject text NOT NULL,
        patient_id uuid CONSTRAINT accounts_patient_id_fkey REFERENCES patients (id)
            ON DELETE SET NULL,
        practitioner_id uuid,
        clinic_ids uuid[] NOT NULL DEFAULT '{}',
        CONSTRAINT accounts_pkey PRIMARY KEY (issuer, subject)
    )
    """)
    op.execute("CREATE INDEX accounts_patient_id_idx ON accounts (patient_id)")
