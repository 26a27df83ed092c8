"""What a caller would rather have, by the weights of an Accept header (RFC 9110 12.4.2)."""

import re

MANY = 32
"""So many wishes of a header are read; no browser sends as many."""
WEIGHT = re.compile(r"[ \t]*;[ \t]*q[ \t]*=[ \t]*", re.IGNORECASE)


def wishes(header: str) -> list[str]:
    """The values that are acceptable, the dearest first, in small letters."""
    weighed = [_weighed(part) for part in header.split(",")[:MANY]]
    weighed.sort(key=lambda pair: -pair[0])
    return [value for weight, value in weighed if weight > 0 and value]


def takes_gzip(header: str) -> bool:
    """`*` stands for what is not named; a weight of nought is a refusal."""
    weights = {value: weight for weight, value in map(_weighed, header.split(",")[:MANY])}
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weighed(part: str) -> tuple[float, str]:
    value, *weights = WEIGHT.split(part.strip(), maxsplit=1)
    try:
        weight = float(weights[0]) if weights else 1.0
    except ValueError:
        weight = 0.0
    return weight, value.strip().lower()
