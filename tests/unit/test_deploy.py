"""deploy/, read as text: nothing here needs a cluster."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from adapters.process.connection_settings import Connections
from adapters.process.settings import PREFIX, VERSION, Product
from stack.home import CHECKOUT

pytestmark = pytest.mark.unmeasured

DEPLOY = CHECKOUT / "deploy"
KUSTOMIZATIONS = sorted(DEPLOY.rglob("kustomization.yaml"))
MANIFESTS = sorted(
    path for path in DEPLOY.rglob("*.yaml") if path.name not in {"kustomization.yaml", "kinds.yaml"}
)
PROCESSES = ("api", "api-reads", "worker", "notifier")
WITH_PODS = {"Deployment", "Job", "WorkerDeployment"}
WATCHING = {"PodMonitor", "ServiceMonitor", "NetworkPolicy"}
OF_OTHERS = {"HTTPRoute", "PodMonitor", "ServiceMonitor", "Connection", "WorkerDeployment"}
"""Kinds that Kubernetes itself does not know. Their pods it does."""

KUBERNETES = json.loads((CHECKOUT / "tests" / "schemas" / "kubernetes-1.33.json").read_text())
PODS_OF_OTHERS = "io.k8s.api.core.v1.PodTemplateSpec"
READ_BY_OTHERS = re.compile(r"TEMPORAL_[A-Z_]+|FORWARDED_ALLOW_IPS")

Manifest = dict[str, Any]


def read(path: Path) -> list[Manifest]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


EVERYTHING = [each for path in MANIFESTS for each in read(path)]
IN_BASE = [each for path in MANIFESTS if path.parent.name == "base" for each in read(path)]
PODS = [each for each in EVERYTHING if each["kind"] in WITH_PODS]


def named(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def of_kind(kind: str, among: list[Manifest] = IN_BASE) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in among if each["kind"] == kind}


def chosen(selector: Manifest) -> set[str]:
    return {name for rule in selector["matchExpressions"] for name in rule["values"]}


def containers(manifest: Manifest) -> list[Manifest]:
    found: list[Manifest] = manifest["spec"]["template"]["spec"]["containers"]
    return found


def variables() -> Iterator[str]:
    for each in PODS:
        for container in containers(each):
            yield from (variable["name"] for variable in container.get("env", []))
    for line in (DEPLOY / "base" / "priyom.env").read_text().splitlines():
        yield line.partition("=")[0]
    for path in KUSTOMIZATIONS:
        for generator in yaml.safe_load(path.read_text()).get("configMapGenerator", []):
            yield from (each.partition("=")[0] for each in generator.get("literals", []))


def faults_of(manifest: Manifest) -> list[str]:
    """What Kubernetes 1.33 does not take: wrong types, and fields that it does not know."""
    if manifest["kind"] not in OF_OTHERS:
        told = {"apiVersion": [manifest["apiVersion"]], "kind": [manifest["kind"]]}
        [name] = [
            name
            for name, schema in KUBERNETES["$defs"].items()
            if all(
                schema.get("properties", {}).get(k, {}).get("enum") == v for k, v in told.items()
            )
        ]
        return faults_by(name, manifest)
    template = manifest["spec"].get("template")
    return [] if template is None else faults_by(PODS_OF_OTHERS, template)


def faults_by(name: str, told: Manifest) -> list[str]:
    schema = {"$ref": f"#/$defs/{name}", "$defs": KUBERNETES["$defs"]}
    found = jsonschema_rs.validator_for(schema).iter_errors(told)
    return [f"{'/'.join(map(str, fault.instance_path))}: {fault.message}" for fault in found]


@pytest.mark.parametrize("manifest", EVERYTHING, ids=named)
def test_kubernetes_takes_it(manifest: Manifest) -> None:
    assert faults_of(manifest) == []


@pytest.mark.parametrize("manifest", PODS, ids=named)
def test_kubernetes_would_not_take_a_field_that_is_misspelt(manifest: Manifest) -> None:
    misspelt = json.loads(json.dumps(manifest).replace('"containerPort"', '"containersPort"'))
    wrong = json.loads(
        json.dumps(manifest).replace('"runAsNonRoot": true', '"runAsNonRoot": "yes"')
    )

    assert faults_of(wrong)
    assert faults_of(misspelt) or "containerPort" not in json.dumps(manifest)


@pytest.mark.parametrize("manifest", PODS, ids=named)
def test_a_pod_runs_as_nobody_and_can_write_nowhere(manifest: Manifest) -> None:
    pod = manifest["spec"]["template"]["spec"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in containers(manifest):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("manifest", PODS, ids=named)
def test_a_pod_runs_a_program_that_there_is(manifest: Manifest) -> None:
    for container in containers(manifest):
        program = container["command"]
        assert program[0] == "alembic" or find_spec(program[2]) is not None
        assert container["image"] == "priyom"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_goes_on_while_one_of_it_is_replaced(name: str) -> None:
    deployment = of_kind("Deployment")[name]
    labels = deployment["spec"]["template"]["metadata"]["labels"]

    assert deployment["spec"]["replicas"] > 1
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    disruption = of_kind("PodDisruptionBudget")[name]["spec"]
    assert disruption == {"maxUnavailable": 1, "selector": {"matchLabels": labels}}


@pytest.mark.parametrize("manifest", [each for each in PODS if each["kind"] != "Job"], ids=named)
def test_each_process_is_asked_whether_it_is_ready_and_whether_it_lives(manifest: Manifest) -> None:
    for container in containers(manifest):
        ports = {port["name"] for port in container["ports"]}
        for probe, path in {"readinessProbe": "/readyz", "livenessProbe": "/healthz"}.items():
            asked = container[probe]["httpGet"]
            assert asked["path"] == path
            assert asked["port"] in ports


def test_a_stop_lasts_longer_than_the_longest_answer() -> None:
    for name in ("api", "api-reads"):
        pod = of_kind("Deployment")[name]["spec"]["template"]["spec"]
        answer = Product.model_fields["answer_within_seconds"].default

        waits = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
        assert pod["terminationGracePeriodSeconds"] > waits + 2 * answer


def test_only_what_the_settings_know_is_told() -> None:
    known = {field.upper() for field in Connections.model_fields}
    known |= {PREFIX + field.upper() for field in Product.model_fields}

    told = set(variables())

    assert {each for each in told if not READ_BY_OTHERS.fullmatch(each)} <= known
    assert not {each for each in told if "SECRET" in each or "PASSWORD" in each}


def test_the_image_is_of_this_version() -> None:
    for path in KUSTOMIZATIONS:
        for image in yaml.safe_load(path.read_text()).get("images", []):
            assert image == {"name": "priyom", "newTag": VERSION}


def test_what_scales_and_what_is_watched_is_there() -> None:
    deployments = of_kind("Deployment")
    for each in of_kind("HorizontalPodAutoscaler").values():
        assert each["spec"]["scaleTargetRef"]["name"] in deployments
        assert each["spec"]["minReplicas"] > 1
    watched = {
        name
        for kind in ("PodMonitor", "ServiceMonitor")
        for each in of_kind(kind).values()
        for name in chosen(each["spec"]["selector"])
    }
    assert watched == set(PROCESSES)
    for each in of_kind("Service").values():
        assert each["spec"]["selector"]["app.kubernetes.io/name"] in deployments


def test_prometheus_asks_every_process_for_its_metrics_and_is_let_in() -> None:
    """An overlay may put two processes in one pod: each of them has a port of its own."""
    served = {
        (each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"], port["name"])
        for each in PODS
        for container in containers(each)
        for port in container.get("ports", [])
    }
    asked, let_in = set(), set()
    for each in IN_BASE:
        told = each["spec"] if each["kind"] in WATCHING else {}
        for endpoint in told.get("podMetricsEndpoints", []) + told.get("endpoints", []):
            asked |= {(name, endpoint["port"]) for name in chosen(told["selector"])}
        for rule in told.get("ingress", []):
            if "monitoring" in json.dumps(rule["from"]):
                ports = {port["port"] for port in rule["ports"]}
                let_in |= set(product(chosen(told["podSelector"]), ports))

    assert len(served) > len(PROCESSES), "no pod has two processes"
    assert served <= asked
    assert served <= let_in


def test_nobody_comes_in_but_the_gateway_and_prometheus() -> None:
    policies = of_kind("NetworkPolicy")
    closed = policies.pop("nobody")["spec"]
    spaces = {
        source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for policy in policies.values()
        for rule in policy["spec"].get("ingress", [])
        for source in rule["from"]
    }

    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert spaces == {"gateway", "monitoring"}


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=lambda path: path.parent.name)
def test_a_kustomization_names_files_and_things_that_there_are(path: Path) -> None:
    told = yaml.safe_load(path.read_text())
    files = {each.name for each in path.parent.glob("*.yaml")} - {"kustomization.yaml"}
    listed = {*told["resources"], *told.get("configurations", [])}

    assert files == {each for each in listed if each.endswith(".yaml")}
    assert all((path.parent / each).exists() for each in listed)
    for patch in told.get("patches", []):
        target = patch["target"]
        assert target.get("name") in {None, *of_kind(target["kind"])}


KUSTOMIZE = shutil.which("kubectl")


@pytest.mark.skipif(KUSTOMIZE is None, reason="kubectl, which has kustomize in it, is not on PATH")
@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=lambda path: path.parent.name)
def test_kustomize_builds_it(path: Path) -> None:
    built = subprocess.run(
        [str(KUSTOMIZE), "kustomize", str(path.parent)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    manifests = [each for each in yaml.safe_load_all(built.stdout) if each]
    images = {
        container["image"]
        for each in manifests
        if each["kind"] in WITH_PODS
        for container in containers(each)
    }

    assert [fault for each in manifests for fault in faults_of(each)] == []
    assert images == {f"priyom:{VERSION}"}
    assert len({named(each) for each in manifests}) == len(manifests) > 20
