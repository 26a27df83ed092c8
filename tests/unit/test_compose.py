"""docker-compose.yml, read as text: nothing here needs Docker."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import pytest
import yaml

from adapters.process.connection_settings import Connections
from adapters.process.settings import PREFIX, Product
from workflows import names

ROOT = Path(__file__).resolve().parents[2]
JOBS = {"temporal-schema", "temporal-setup", "migrate", "seed"}
OURS = {"api", "api-reads", "worker", "notifier", "migrate", "seed", "sms"}
APIS = ("api", "api-reads")
PINNED = re.compile(r"^[a-z0-9/-]+:(\$\{[A-Z_]+:-)?v?\d+\.\d+(\.\d+)?\}?$")
READ_BY_TEMPORAL_SDK = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
OF_MIGRATIONS = {"APPLICATION_PASSWORD"}
OF_ANOTHER_KAFKA = {
    field for field in map(str.upper, Connections.model_fields) if "KAFKA_S" in field
}
"""The one of the compose file is plain, and reached by nobody from outside."""
OF_POOLERS = {"DATABASE_DIRECT_URL"}
READ_BY_UVICORN = {"FORWARDED_ALLOW_IPS"}
SINCE_NGINX_RESOLVES_AGAIN = (1, 27, 3)


class Condition(TypedDict, total=False):
    condition: str
    required: bool


class Build(TypedDict):
    target: str


class Service(TypedDict, total=False):
    image: str
    build: Build
    command: list[str]
    deploy: dict[str, int]
    depends_on: dict[str, Condition]
    environment: dict[str, str]
    healthcheck: dict[str, object]
    ports: list[str]
    profiles: list[str]
    restart: str


class ComposeFile(TypedDict):
    services: dict[str, Service]


def read() -> dict[str, Service]:
    parsed: ComposeFile = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed["services"]


SERVICES = read()


def told_to_the_gateway() -> str:
    whole = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    content: str = whole["configs"]["gateway"]["content"]
    return content


def dependencies() -> Iterator[tuple[str, str, Condition]]:
    for name, service in SERVICES.items():
        for needed, condition in service.get("depends_on", {}).items():
            yield name, needed, condition


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_version(name: str) -> None:
    assert PINNED.match(SERVICES[name]["image"]), SERVICES[name]["image"]


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - JOBS))
def test_every_server_says_when_it_is_healthy_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize(("name", "needed", "condition"), list(dependencies()))
def test_nobody_starts_before_what_it_needs_is_ready(
    name: str, needed: str, condition: Condition
) -> None:
    ready = "service_completed_successfully" if needed in JOBS else "service_healthy"

    assert condition["condition"] == ready, f"{name} needs {needed}"


@pytest.mark.parametrize("job", sorted(JOBS))
def test_somebody_waits_for_every_job(job: str) -> None:
    """`docker compose up --wait` takes a job that ends for a failure unless somebody awaits it."""
    assert any(needed == job for _, needed, _ in dependencies())


def test_only_the_demo_data_prometheus_and_an_issuer_are_left_out_by_default() -> None:
    optional = {
        needed for _, needed, condition in dependencies() if not condition.get("required", True)
    }

    assert {name for name, service in SERVICES.items() if "profiles" in service} == {
        "seed",
        "prometheus",
        "keycloak",
    }
    assert optional == {"seed"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_are_told_only_what_the_settings_know(name: str) -> None:
    known = {field.upper() for field in Connections.model_fields}
    known |= {PREFIX + field.upper() for field in Product.model_fields}

    assert (
        set(SERVICES[name].get("environment", {})) <= known | READ_BY_TEMPORAL_SDK | READ_BY_UVICORN
    )


@pytest.mark.parametrize("name", ["api", "api-reads", "worker", "notifier"])
def test_every_process_is_told_where_each_server_is(name: str) -> None:
    told = SERVICES[name]["environment"]

    assert {
        field.upper() for field in Connections.model_fields
    } - OF_MIGRATIONS - OF_POOLERS - OF_ANOTHER_KAFKA <= told.keys()
    assert told.keys() >= READ_BY_TEMPORAL_SDK
    assert told["PRIYOM_SECRET"].startswith("${PRIYOM_SECRET:?")
    assert SERVICES[name]["command"] == ["python", "-m", name.removesuffix("-reads")]


def test_the_gateway_sends_commands_and_reads_apart() -> None:
    roles = {name: SERVICES[name]["environment"]["PRIYOM_API_SERVES"] for name in APIS}
    content = told_to_the_gateway()
    sent = dict(re.findall(r"upstream (\w+) {.*\bserver ([\w-]+):8001\b", content))

    assert roles == {name: role for role, name in sent.items()}
    assert "{ GET reads; HEAD reads; default commands; }" in content
    assert all("ports" not in SERVICES[name] for name in APIS), "the gateway is the only way in"


def test_the_gateway_asks_again_where_the_containers_are() -> None:
    """A name that nginx resolves once is, after an upgrade, the address of nobody or another."""
    content = told_to_the_gateway()
    servers = re.findall(r"upstream (\w+) {(.*?)\bserver [\w-]+:\d+( resolve)?;", content)
    fallback = re.search(r":-(\d+)\.(\d+)\.(\d+)}", SERVICES["gateway"]["image"])

    assert len(servers) == len(re.findall(r"\bserver [^{]", content)) == len(APIS)
    for upstream, before, resolve in servers:
        assert resolve, f"{upstream} is resolved once"
        assert f"zone {upstream} " in before, f"{upstream} has no memory that workers share"
    assert re.search(r"^ *resolver 127\.0\.0\.11 valid=[1-5]s\b", content, re.MULTILINE)
    assert re.search(r"^ *resolver_timeout [1-5]s;", content, re.MULTILINE), "the next try"
    assert fallback is not None
    assert tuple(map(int, fallback.groups())) >= SINCE_NGINX_RESOLVES_AGAIN


def test_our_images_are_built_from_stages_that_exist() -> None:
    stages = set(re.findall(r"^FROM .+ AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))

    assert {SERVICES[name]["build"]["target"] for name in OURS} <= stages


def test_the_image_has_every_package_of_ours() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert copied == {*pyproject["tool"]["uv"]["build-backend"]["module-name"], "migrations"}


def test_temporal_is_taught_every_search_attribute() -> None:
    taught = dict(
        re.findall(r"--name (\w+) --type (\w+)", SERVICES["temporal-setup"]["command"][0])
    )
    keys = (
        names.DOCTOR_ID,
        names.PATIENT_ID,
        names.CLINIC_ID,
        names.APPOINTMENT_START,
        names.APPOINTMENT_STATUS,
        names.ACTOR,
    )

    assert taught == {key.name: key.indexed_value_type.name.capitalize() for key in keys}


def test_the_api_believes_the_gateway_about_addresses_and_nobody_outside() -> None:
    """Callers without a token are counted by their address: the gateway's own is everybody's."""
    whole = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    [network] = whole["networks"]["default"]["ipam"]["config"]
    for name in APIS:
        assert SERVICES[name]["environment"]["FORWARDED_ALLOW_IPS"] == network["subnet"]


def test_two_of_each_process_that_may_die_run_beside_each_other() -> None:
    replicas = {
        name: SERVICES[name].get("deploy", {}).get("replicas") for name in (*APIS, "worker")
    }

    assert set(replicas.values()) == {2}


def test_prometheus_scrapes_every_process_and_has_our_rules() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    told = yaml.safe_load(compose["configs"]["prometheus"]["content"])
    jobs = {each["job_name"]: each["dns_sd_configs"][0] for each in told["scrape_configs"]}

    assert {name for job in jobs.values() for name in job["names"]} == {*APIS, "worker", "notifier"}
    assert {job["port"] for job in jobs.values()} == {8001}
    assert (ROOT / compose["configs"]["alerts"]["file"]).exists()
    assert told["rule_files"] == ["alerts.yaml"]
    assert all(
        SERVICES[name]["environment"]["PRIYOM_HEALTH_HOST"] == "0.0.0.0"  # noqa: S104 - as it is
        for name in ("worker", "notifier")
    )
