"""Where `make up` sends people."""

from stack.addresses import where_to_begin
from stack.run_state import DemoAccount, RunState
from stack.seed_data import NAMED_DOCTORS

UP: RunState = {
    "api": "http://127.0.0.1:8000",
    "temporalUi": "http://127.0.0.1:8233",
    "temporalAddress": "127.0.0.1:7233",
    "temporalNamespace": "default",
    "databaseUrl": "postgresql://priyom:s3cret%40x@127.0.0.1:5432/priyom?password=s3cret",
    "redisUrl": "redis://:s3cret@127.0.0.1:6379/0",
    "kafkaBootstrapServers": "127.0.0.1:9092",
    "mailbox": "http://127.0.0.1:8025",
    "pids": {},
    "logs": "/data/priyom/logs",
    "patients": [{"id": "1", "email": "a@example.org", "phone": "+7000", "language": "ru"}],
}


def said(state: RunState) -> dict[str, str]:
    lines = (line.strip().rsplit(maxsplit=1) for line in where_to_begin(state))
    return {name.strip(): address for name, address in lines}


def test_each_person_is_told_where_to_begin() -> None:
    assert said(UP) == {
        "a patient": "http://127.0.0.1:8000/",
        "the reception": "http://127.0.0.1:8000/reception",
        "a doctor": f"http://127.0.0.1:8000/doctor/{NAMED_DOCTORS[0].id}",
        "operations": "http://127.0.0.1:8000/ops",
        "integrators": "http://127.0.0.1:8000/docs",
        "letters, SMS": "http://127.0.0.1:8025",
        "each booking": "http://127.0.0.1:8233",
        "PostgreSQL": "postgresql://priyom@127.0.0.1:5432/priyom",
        "Valkey": "redis://@127.0.0.1:6379/0",
        "Kafka": "127.0.0.1:9092",
        "Temporal": "127.0.0.1:7233",
        "logs": "/data/priyom/logs",
    }


def test_three_people_to_try_are_named_with_their_passwords() -> None:
    roles = ("patient", "patient", "reception", "doctor", "manager", "operations")
    known = [an_account(f"{role}{number}", role) for number, role in enumerate(roles, 1)]

    told = [line.split() for line in where_to_begin({**UP, "accounts": known})]

    assert [line for line in told if line[:3] == ["sign", "in", "as"]] == [
        ["sign", "in", "as", "patient1", "word-of-patient1"],
        ["sign", "in", "as", "reception3", "word-of-reception3"],
        ["sign", "in", "as", "manager5", "word-of-manager5"],
    ]


def an_account(username: str, role: str) -> DemoAccount:
    return {
        "username": username,
        "password": f"word-of-{username}",
        "role": role,
        "patientId": None,
        "doctorId": None,
        "clinicId": None,
    }


def test_no_secret_is_printed() -> None:
    pooler = "postgresql://priyom:s3cret@127.0.0.1:6432/priyom"

    told = said({**UP, "poolerUrl": pooler})

    assert told["PgBouncer"] == "postgresql://priyom@127.0.0.1:6432/priyom"
    assert "s3cret" not in "".join(told.values())


def test_what_is_not_ours_is_not_named() -> None:
    alone: RunState = {
        **UP,
        "api": None,
        "mailbox": None,
        "temporalUi": None,
        "databaseUrl": None,
        "patients": [],
    }

    assert list(said(alone)) == ["Valkey", "Kafka", "Temporal", "logs"]
