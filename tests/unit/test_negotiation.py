"""What a caller accepts, by the letter of RFC 9110 12.4.2."""

import pytest

from api.http.negotiation import takes_gzip, wishes


@pytest.mark.parametrize(
    ("header", "dearest_first"),
    [
        ("ru;q=0.9, en;q=0.1", ["ru", "en"]),
        ("en; q=0.1, RU ; q=1", ["ru", "en"]),
        ("en ;\tQ = 0.5 , ru", ["ru", "en"]),
        ("ru;q=0, en", ["en"]),
        ("ru;q=much", []),
        ("", []),
    ],
)
def test_weights_are_read_with_blanks_and_in_any_case(
    header: str, dearest_first: list[str]
) -> None:
    assert wishes(header) == dearest_first


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("gzip, br", True),
        ("GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("*, gzip; q=0.0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_sent_only_to_who_takes_it(header: str, taken: bool) -> None:  # noqa: FBT001
    assert takes_gzip(header) is taken
