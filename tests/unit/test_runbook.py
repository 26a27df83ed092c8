"""What the runbook tells somebody to type exists: targets, commands, settings, metrics, places.

That it runs is shown on a live stack: `tests/faults/test_on_call.py`.
"""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from adapters.process.settings import PREFIX, Product
from api.console.__main__ import parsed
from scripts.metrics_page import families
from stack.home import CHECKOUT
from tests.runbook import LINK, RUNBOOK, commands_of_priyom, spoken

PAGES = [CHECKOUT / "docs" / name for name in ("runbook.md", "metrics.md", "deploy.md")]
MAKEFILE = (CHECKOUT / "Makefile").read_text()
SPOKEN = spoken()
EXAMPLE = "430890e4-0000-4000-8000-000000000000"
WORD = re.compile(r"(?!priyom_|pg_)[a-z]+(?:_[a-z]+)+")
"""As the logs, the codes and the steps are named; metrics have a test of their own."""

ANCHOR = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of the headings."""
    kept = (re.sub(r"[^\w\- ]", "", found.lower()) for found in ANCHOR.findall(page.read_text()))
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        place = (page.parent / path) if path else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            lost.append(link)

    assert lost == []


def test_every_target_of_make_exists_and_takes_what_it_is_given() -> None:
    asked = [each for each in SPOKEN if each.startswith("make ")]
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    given = {name for each in asked for name in re.findall(r"\b([A-Z]+)=", each)}

    assert len(asked) > 10
    assert {each.split()[1] for each in asked} <= targets
    assert {
        name for name in given if f"$({name})" not in MAKEFILE and f"$(or $({name})" not in MAKEFILE
    } == set()


def test_every_command_of_priyom_is_understood() -> None:
    asked = commands_of_priyom()

    assert len(asked) > 7
    for command in asked:
        words = re.sub(r"<[^>]*>", EXAMPLE, command).split()
        if words[0] == "appointment":
            words.append(EXAMPLE)
        assert callable(parsed(words).do), command


def test_every_module_that_is_run_exists() -> None:
    modules = {name for each in SPOKEN for name in re.findall(r"python -m ([\w.]+)", each)}

    assert modules
    assert {name for name in modules if find_spec(name) is None} == set()


def test_every_setting_and_every_metric_is_known() -> None:
    settings = {PREFIX + name.upper() for name in Product.model_fields}
    metrics = {each.name + ("_total" if each.type == "counter" else "") for each in families()}

    assert set(re.findall(r"\bPRIYOM_[A-Z_]+[A-Z]\b", RUNBOOK)) <= settings
    assert set(re.findall(r"\bpriyom_[a-z_]+[a-z]\b", RUNBOOK)) <= metrics | {"priyom_app"}


def test_every_service_of_compose_exists() -> None:
    services = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["services"]
    asked = [each for each in SPOKEN if each.startswith("docker compose ")]
    named = {
        word
        for each in asked
        for word in re.sub(r"^docker compose (logs|restart)", "", each).split()
        if re.fullmatch(r"[a-z-]{3,}", word) and each.split()[2] in {"logs", "restart"}
    }

    assert named
    assert named <= services.keys()


def test_every_file_that_is_named_is_there() -> None:
    named = {
        each
        for spoken in SPOKEN
        for each in re.findall(r"\b(?:ops|migrations|tests|docs)/[\w./-]+\.\w+", spoken)
    }

    assert named
    assert {each for each in named if not (CHECKOUT / each).exists()} == set()


def test_every_word_of_a_log_a_code_or_a_step_is_one_of_ours() -> None:
    """Somebody looks for it by that word."""
    written = "".join(
        path.read_text()
        for folder in ("activities", "adapters", "api", "domain", "notifier", "worker", "workflows")
        for path in (CHECKOUT / folder).rglob("*.py")
    )
    words = {each for each in SPOKEN if WORD.fullmatch(each)}

    assert "problem_answered" in words
    assert {word for word in words if word not in written} == set()
