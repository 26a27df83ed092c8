"""What the product and its embedded servers are made of: prints docs/sbom.json (CycloneDX)."""

import json
import sys
from collections.abc import Iterable, Iterator

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from adapters.process.settings import VERSION
from scripts.locked import Locked, jars, modules, packages

CHANGES_EACH_TIME = ("serialNumber", "timestamp")
"""Left out: the same lock files give the same document, byte for byte."""


def document() -> str:
    """One line a component, so that a diff shows which changed."""
    bom = Bom(components=_components())
    product = Component(
        name="priyom", version=VERSION, type=ComponentType.APPLICATION, bom_ref="priyom"
    )
    bom.metadata.component = product
    bom.register_dependency(product, bom.components)
    told = json.loads(JsonV1Dot6(bom).output_as_string())
    for name in CHANGES_EACH_TIME:
        told.pop(name, None)
        told["metadata"].pop(name, None)
    told.pop("dependencies", None)  # of which package needs which the lock files say nothing
    components = told.pop("components")
    lines = ",\n".join(json.dumps(each, sort_keys=True) for each in components)
    head = json.dumps(told, sort_keys=True)
    return f'{head[:-1]}, "components": [\n{lines}\n]}}'


def _components() -> Iterator[Component]:
    for kind, found in (("pypi", packages()), ("golang", modules()), ("generic", jars())):
        for each in _once(found):
            yield _component(each, PackageURL.from_string(f"pkg:{kind}/{each.name}@{each.version}"))


def _once(found: Iterable[Locked]) -> Iterator[Locked]:
    """By the first file that names it: the product's own before those of its tests."""
    seen: set[tuple[str, str]] = set()
    for each in found:
        if (each.name, each.version) not in seen:
            seen.add((each.name, each.version))
            yield each


def _component(locked: Locked, purl: PackageURL) -> Component:
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=locked.sha256)] if locked.sha256 else []
    return Component(
        name=locked.name,
        version=locked.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=hashes,
        properties=[Property(name="priyom:locked-by", value=locked.file)],
    )


if __name__ == "__main__":
    sys.stdout.write(document() + "\n")
