"""A mutation: an edit that breaks the product, and the tests that must notice."""

from dataclasses import dataclass

from tests.copied_checkout import Edit


@dataclass(frozen=True, kw_only=True)
class Mutation(Edit):
    """Each test of `red` fails in a copy with this edit."""

    red: tuple[str, ...]
