"""The words of the pages in each language; `python -m api.page.words` prints the Russian ones.

English stands in the templates; `words/ru.po` says each text in Russian. It is compiled in memory
when the process starts, so that there is nothing to build.
"""

import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import NullTranslations, Translations

from adapters.messages.visit import Language

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
RUSSIAN = HERE / "words" / "ru.po"


@cache
def words_of(language: Language) -> NullTranslations:
    """What gettext needs to speak the language."""
    if language is Language.EN:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, russian())
    compiled.seek(0)
    return Translations(compiled)


def russian() -> Catalog:
    """The texts as they were last translated."""
    with RUSSIAN.open("rb") as file:
        return read_po(file, locale="ru")


def updated() -> Catalog:
    """The texts of the templates, with those translations that are there already."""
    catalog = russian()
    catalog.update(_texts(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def _texts() -> Catalog:
    texts = Catalog()
    for _, _, text, comments, context in _extracted():
        texts.add(text, auto_comments=comments, context=context)
    return texts


def _extracted() -> Iterator[tuple[str, int, str | tuple[str, ...], list[str], str | None]]:
    return extract_from_dir(
        TEMPLATES,
        method_map=[
            ("**.html", "jinja2.ext:babel_extract"),
            ("**.ics", "jinja2.ext:babel_extract"),
        ],
        options_map={"**": {"trimmed": "true", "silent": "false"}},
    )


def main() -> None:
    written = BytesIO()
    write_po(written, updated(), width=96, no_location=True, omit_header=True, sort_output=True)
    sys.stdout.write(written.getvalue().decode())


if __name__ == "__main__":
    main()
