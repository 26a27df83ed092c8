"""Prints docs/asyncapi.yaml: the topics and their records, from the code's own types."""

import json
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import (
    Annotated,
    Literal,
    NotRequired,
    TypeAlias,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from adapters.kafka.cloudevents import (
    CONTENT_TYPE,
    LONGEST_RECORD,
    NEVER_TOLD,
    AppointmentData,
    CloudEvent,
    Fault,
    Text,
)
from adapters.kafka.events import APPOINTMENTS, DEAD, GROUP, PARTITIONS
from domain.events import EVENT_KINDS, SOURCE, EventType

Node: TypeAlias = "Mapping[str, Node] | list[Node] | str | int | bool"


def document() -> Node:
    """AsyncAPI 3.0. One message a type, so that a consumer finds the types it knows."""
    names = {kind: EVENT_KINDS[kind].schema for kind in EVENT_KINDS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Priyom appointment events",
            "version": "1.0.0",
            "description": "Facts about confirmed visits. At least once, in order for one "
            "appointment, the same id for every repetition. No contact data: consumers ask the "
            "clinic. A later shape is a later type; new fields may appear within one.",
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "kafka": {
                "host": "{bootstrapServers}",
                "protocol": "kafka",
                "variables": {"bootstrapServers": {"default": "127.0.0.1:9092"}},
            }
        },
        "channels": {
            "appointments": {
                "address": APPOINTMENTS,
                "description": "Key: the appointment's id.",
                "messages": {name: _ref(f"messages/{name}") for name in names.values()},
                "bindings": {"kafka": {"topic": APPOINTMENTS, "partitions": PARTITIONS}},
            },
            "dead": {
                "address": DEAD,
                "description": "What no consumer can read, as it came, with the reason.",
                "messages": {"Unreadable": _ref("messages/Unreadable")},
                "bindings": {"kafka": {"topic": DEAD, "partitions": PARTITIONS}},
            },
        },
        "operations": {
            "announceAppointment": {
                "action": "send",
                "channel": {"$ref": "#/channels/appointments"},
            },
            "tellPatientAndDoctor": {
                "action": "receive",
                "channel": {"$ref": "#/channels/appointments"},
                "bindings": {"kafka": {"groupId": {"type": "string", "enum": [GROUP]}}},
            },
            "parkUnreadable": {"action": "send", "channel": {"$ref": "#/channels/dead"}},
        },
        "components": {
            "messages": {
                **{name: _message(kind, name) for kind, name in names.items()},
                "Unreadable": _unreadable(),
            },
            "schemas": {
                **{name: _schema_of_type(kind) for kind, name in names.items()},
                AppointmentData.__name__: _schema(AppointmentData),
            },
        },
    }


def _message(kind: EventType, name: str) -> Node:
    return {
        "name": kind.value,
        "title": EVENT_KINDS[kind].title,
        "contentType": CONTENT_TYPE,
        "headers": {
            "type": "object",
            "required": ["content-type"],
            "properties": {"content-type": {"type": "string", "const": CONTENT_TYPE}},
        },
        "payload": _ref(f"schemas/{name}"),
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}},
    }


def _unreadable() -> Node:
    told: dict[str, Node] = {
        name: {"type": "string"} for name in ("topic", "partition", "offset", "size")
    }
    return {
        "name": "Unreadable",
        "title": f"A record that cannot be read, or is longer than {LONGEST_RECORD} bytes",
        "headers": {
            "type": "object",
            "properties": {
                "reason": {"type": "string", "enum": [fault.value for fault in Fault]},
                **told,
            },
        },
        "payload": {"description": "The record's value as it came, cut where it is very long."},
    }


def _schema_of_type(kind: EventType) -> Node:
    """A record of one type: the fields that are always the same are written as such."""
    fixed: dict[str, Node] = {
        "source": {"type": "string", "const": SOURCE},
        "type": {"type": "string", "const": kind.value},
        "data": _ref(f"schemas/{AppointmentData.__name__}"),
    }
    return _object_schema(CloudEvent, fixed)


def _schema(kind: object) -> Node:
    """JSON Schema of a type of the record."""
    if get_origin(kind) is NotRequired:
        return _schema(get_args(kind)[0])
    if get_origin(kind) is Annotated:
        _, told = get_args(kind)
        return _text_schema(told)
    if get_origin(kind) is Literal:
        return {"type": "string", "const": get_args(kind)[0]}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": [each.value for each in kind if each not in NEVER_TOLD]}
    if kind is int:
        return {"type": "integer", "minimum": 1}
    if is_typeddict(kind):
        return _object_schema(kind)
    raise TypeError(f"no schema for {kind}")


def _text_schema(told: Text) -> Node:
    schema: dict[str, Node] = {"type": "string", "description": told.meaning}
    return schema | ({"format": told.format} if told.format else {})


def _object_schema(kind: object, fixed: Mapping[str, Node] | None = None) -> Node:
    hints = get_type_hints(kind, include_extras=True)
    known = fixed or {}
    return {
        "type": "object",
        "description": (kind.__doc__ or "").splitlines()[0],
        "required": [name for name, hint in hints.items() if get_origin(hint) is not NotRequired],
        "properties": {name: known.get(name) or _schema(hint) for name, hint in hints.items()},
        "additionalProperties": True,
    }


def _ref(path: str) -> Node:
    return {"$ref": f"#/components/{path}"}


def yaml_lines(node: Node, indent: str = "") -> Iterator[str]:
    """YAML of maps, lists and scalars; every text is quoted as JSON, which YAML reads."""
    items = node.items() if isinstance(node, Mapping) else [("-", item) for item in _list(node)]
    for name, value in items:
        head = f"{indent}-" if name == "-" else f"{indent}{_key(name)}:"
        if isinstance(value, Mapping | list) and value:
            yield head
            yield from yaml_lines(value, indent + "  ")
        else:
            yield f"{head} {json.dumps(value, ensure_ascii=False)}"


def _list(node: Node) -> list[Node]:
    return node if isinstance(node, list) else [node]


def _key(name: str) -> str:
    return name if name.replace("-", "").isalnum() else json.dumps(name)


if __name__ == "__main__":
    sys.stdout.write("# Generated by `make docs` from adapters/kafka/cloudevents.py.\n")
    sys.stdout.write("\n".join(yaml_lines(document())) + "\n")
