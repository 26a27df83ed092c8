"""Pages from their templates: in the visitor's language, zipped, with a tag and a strict policy."""

import gzip
from functools import cache
from hashlib import blake2b

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from adapters.messages.visit import Language
from api.http.etags import knows
from api.http.public_path import ROOT, public
from api.page.assets import asset
from api.page.visitor import Visitor
from api.page.wording import FILTERS, Wording
from api.page.words import TEMPLATES, words_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing of any page comes from elsewhere, and nothing in it is inline."""

SAFE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # forms tell their origin, which is what `same_origin` looks at; other sites are told nothing
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
WORTH_ZIPPING = 1024


@cache
def environment(language: Language) -> Environment:
    """One a language: its words are in it, and its templates stay compiled."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    words = words_of(language)
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(FILTERS)
    made.globals.update(
        asset=lambda name: public(asset(name)),
        root=ROOT.get,
        wording=Wording(language),
        language=language,
        languages=list(Language),
    )
    return made


def page(visitor: Visitor, template: str, *, status: int = 200, **facts: object) -> Response:
    """The page as this visitor reads it; 304 where the browser has it as it is.

    `private, no-cache`: a browser may keep it, and asks before every use; not what is shown to
    somebody who is signed in.
    """
    written = environment(visitor.language).get_template(template)
    body = written.render(visitor=visitor, status=status, **facts).encode()
    etag = f'W/"{blake2b(body, digest_size=16).hexdigest()}"'
    headers = {
        **SAFE,
        "etag": etag,
        "cache-control": "no-store" if visitor.sign_in == "in" else "private, no-cache",
        "vary": "Accept-Encoding, Accept-Language, Cookie",
    }
    if status == 200 and visitor.knows is not None and knows(visitor.knows, etag[2:]):  # noqa: PLR2004
        return Response(status_code=304, headers=headers)
    if visitor.takes_gzip and len(body) > WORTH_ZIPPING:
        body = gzip.compress(body, 5, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, status_code=status, media_type="text/html", headers=headers)
