"""The commands of docs/deploy.md against the manifests: nothing new meets the old schema."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from stack.home import CHECKOUT

pytestmark = pytest.mark.unmeasured

DEPLOY = CHECKOUT / "deploy"
NAMESPACE = "priyom"

Manifest = dict[str, Any]


def manifests() -> Iterator[Manifest]:
    for path in sorted(DEPLOY.rglob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text()):
            if each and each.get("kind", "Kustomization") != "Kustomization":
                yield each


def named(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def commands_of(chapter: str) -> list[str]:
    told = (CHECKOUT / "docs" / "deploy.md").read_text()
    [text] = [each for each in told.split("\n## ") if each.startswith(f"{chapter}\n")]
    return re.findall(r"(?:^|`)(kubectl [^`\n]+)", text, re.MULTILINE)


def chosen_by(command: str) -> set[str]:
    """What `kubectl apply -l` takes of all that kustomize gives it."""
    words = shlex.split(command)
    label, _, value = words[words.index("-l") + 1].partition("=")
    return {
        named(each)
        for each in manifests()
        if each["metadata"].get("labels", {}).get(label) == value
    }


def the_job() -> Manifest:
    [job] = [each for each in manifests() if each["kind"] == "Job"]
    return job


def test_the_migrations_have_ended_before_anything_of_a_release_starts() -> None:
    job = the_job()
    name = job["metadata"]["name"]

    deleted, began, waited, everything = commands_of("A release")

    assert deleted == f"kubectl delete job {name} -n {NAMESPACE} --ignore-not-found"
    assert began.startswith("kubectl kustomize . | kubectl apply -l ")
    assert chosen_by(began) == {named(job)}
    assert waited.startswith(f"kubectl wait --for=condition=complete job/{name} -n {NAMESPACE} ")
    assert re.search(r"--timeout=\d+m$", waited)
    assert everything == "kubectl kustomize . | kubectl apply -f -"


def test_secrets_and_migrations_have_their_namespace_and_account_the_first_time() -> None:
    account = the_job()["spec"]["template"]["spec"]["serviceAccountName"]

    [made] = commands_of("Before the first time")

    assert made.startswith("kubectl kustomize . | kubectl apply -l ")
    assert chosen_by(made) == {f"Namespace/{NAMESPACE}", f"ServiceAccount/{account}"}


def test_what_the_migrations_read_is_made_by_hand_before_them() -> None:
    """They start before the rest is applied, so they may need nothing of it."""
    [container] = the_job()["spec"]["template"]["spec"]["containers"]
    told = (CHECKOUT / "docs" / "deploy.md").read_text()

    for source in container["envFrom"]:
        assert f"`{source['secretRef']['name']}`" in told
