"""Whoever changes what a subject is here, or for whom it may act, says so: the API remembers both.

What is said is the subject, or the patient who acts. Additive: the build before does not listen.
"""

from alembic import op

revision = "0037"
down_revision = "0036"

# No subject of a token is longer than 255.
SAY = (
    """
    CREATE FUNCTION tell_account() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            PERFORM pg_notify('priyom_accounts', left(OLD.subject, 256));
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM pg_notify('priyom_accounts', left(NEW.subject, 256));
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE FUNCTION tell_proxy() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            PERFORM pg_notify(
                'priyom_accounts', coalesce(left(OLD.subject, 256), OLD.proxy_patient_id::text)
            );
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM pg_notify(
                'priyom_accounts', coalesce(left(NEW.subject, 256), NEW.proxy_patient_id::text)
            );
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER accounts_told AFTER INSERT OR UPDATE OR DELETE ON accounts
    FOR EACH ROW EXECUTE FUNCTION tell_account()
    """,
    """
    CREATE TRIGGER proxies_told AFTER INSERT OR UPDATE OR DELETE ON proxies
    FOR EACH ROW EXECUTE FUNCTION tell_proxy()
    """,
)


def upgrade() -> None:
    for statement in SAY:
        op.execute(statement)
