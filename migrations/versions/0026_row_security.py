"""Whoever does not say for whom it reads sees no patient, and no file with patients in it.

The owner sees everything by a policy of its own. Statements that need no name go on without saying
anything, by a view of the owner's; so do those that ask for a record by its very name and contact,
by a function: an index over names cannot be searched through a policy.
"""

from alembic import op
from sqlalchemy import text

revision = "0026"
down_revision = "0025"

SECURED = ("patients", "imports")
EVERYBODY = "current_setting('priyom.sees', true) = '*'"

# Both settings are empty behind a transaction that has set them.
SEEN = f"""
{EVERYBODY}
OR id = ANY (string_to_array(nullif(current_setting('priyom.sees', true), '*'), ',')::uuid[])
OR EXISTS (
    SELECT FROM schedules s WHERE s.patient_id = patients.id AND s.practitioner_id = ANY (
        string_to_array(current_setting('priyom.sees_days_of', true), ',')::uuid[]
    )
)
"""

STATEMENTS = (
    """
    CREATE VIEW patient_facts AS
    SELECT id, erased_at, merged_into, time_zone, num_nonnulls(phone, email) = 0 AS without_contact
    FROM patients
    """,
    """
    CREATE FUNCTION people_known_as(called text, phoned text, mailed text)
    RETURNS TABLE (id uuid, birth_date date) LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
    BEGIN ATOMIC
        SELECT p.id, p.birth_date FROM patients p
        WHERE folded(p.full_name) = folded(called) AND p.erased_at IS NULL
          AND (p.phone = phoned OR lower(p.email) = lower(mailed));
    END
    """,
    f"CREATE POLICY patients_seen ON patients USING ({SEEN})",
    f"CREATE POLICY imports_seen ON imports USING ({EVERYBODY})",
)


def upgrade() -> None:
    owner = op.get_bind().scalar(text("SELECT quote_ident(current_user)"))
    for statement in STATEMENTS:
        op.execute(statement)
    for table in SECURED:
        op.execute(f"CREATE POLICY {table}_of_owner ON {table} TO {owner} USING (true)")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
