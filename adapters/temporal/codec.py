"""Payloads sealed by AES-GCM before they leave the process, as Temporal's own samples seal them."""

import secrets
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import EncodingPayloadConverter, PayloadCodec

SEALED = "binary/encrypted"
KEY_ID = "encryption-key-id"
NONCE_BYTES = 12

SETTING = "PRIYOM_PAYLOAD_KEYS"


class SealedPayloadError(ValueError):
    """The payload cannot be opened here; the message says which key is missing, and no secret."""


class SealedPayloads(PayloadCodec):
    """Seals with the first key and opens with every one.

    A payload that was never sealed passes as it is: runs that were open when sealing began go on.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._first = next(iter(keys), "")

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(each) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open(each) if is_sealed(each) else each for each in payloads]

    def _seal(self, payload: Payload) -> Payload:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, payload.SerializeToString(), None)
        named = {"encoding": SEALED.encode(), KEY_ID: self._first.encode()}
        return Payload(metadata=named, data=nonce + sealed)

    def _open(self, payload: Payload) -> Payload:
        name = key_id_of(payload)
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise unknown_key(name)
        nonce, sealed = payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, sealed, None))
        except (InvalidTag, ValueError):
            raise SealedPayloadError(
                f"the key {name} of {SETTING} is not the one that sealed this payload, or the "
                f"payload was changed: give every process the same key under this id"
            ) from None


class SealedWithoutKeys(EncodingPayloadConverter):
    """Says what is the matter where a sealed payload meets a process that has no keys at all."""

    @property
    def encoding(self) -> str:
        return SEALED

    def to_payload(self, value: object) -> None:
        """Nothing is sealed here."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> object:
        _ = type_hint
        raise unknown_key(key_id_of(payload))


def is_sealed(payload: Payload) -> bool:
    return payload.metadata.get("encoding") == SEALED.encode()


def key_id_of(payload: Payload) -> str:
    return payload.metadata.get(KEY_ID, b"").decode("ascii", "replace")


def unknown_key(name: str) -> SealedPayloadError:
    return SealedPayloadError(
        f"a payload was sealed with the key {name}, which {SETTING} does not name: add it after "
        f"the first one, on every process, and keep it until the last run that it sealed is gone"
    )
