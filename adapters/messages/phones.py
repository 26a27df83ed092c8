"""Phone numbers as people spell them, kept as E.164."""

from collections.abc import Iterable

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

DEFAULT_COUNTRY = "RU"


class BadPhone(ValueError):
    """Nobody can be called by this."""


def e164(phone: str, *, country: str = DEFAULT_COUNTRY) -> str:
    """A number without a country code is one of `country`. Raises `BadPhone`."""
    try:
        number = phonenumbers.parse(phone, country)
    except NumberParseException:
        raise BadPhone from None
    if not phonenumbers.is_possible_number(number) or number.extension:
        raise BadPhone
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def country_of(phones: Iterable[str]) -> str:
    """Where the first of these numbers is that says so."""
    for phone in phones:
        try:
            found = phonenumbers.region_code_for_number(phonenumbers.parse(phone, None))
        except NumberParseException:
            continue
        if found is not None:
            return str(found)
    return DEFAULT_COUNTRY
