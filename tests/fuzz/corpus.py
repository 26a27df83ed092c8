"""Everything that no front end of ours would send, by kind."""

from tests.fuzz.bodies import BODIES, CHUNKS, LENGTHS
from tests.fuzz.heads import HEADS, KEYS, PIPELINES, SMUGGLED

KINDS = {
    "bodies": BODIES,
    "chunks": CHUNKS,
    "lengths": LENGTHS,
    "smuggled requests": SMUGGLED,
    "heads": HEADS,
    "idempotency keys": KEYS,
    "pipelines": PIPELINES,
}
CORPUS = [hostile for kind in KINDS.values() for hostile in kind]
