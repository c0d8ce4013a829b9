"""The JSON Schema of A2A messages, made from the protocol's own protobuf descriptors."""

from __future__ import annotations

from typing import Any

from google.api.field_behavior_pb2 import REQUIRED, field_behavior
from google.protobuf.descriptor import Descriptor, FieldDescriptor

JSON = {"google.protobuf.Struct": {"type": "object"}}
"""Messages that are JSON themselves."""
KINDS = {
    FieldDescriptor.CPPTYPE_BOOL: "boolean",
    FieldDescriptor.CPPTYPE_DOUBLE: "number",
    FieldDescriptor.CPPTYPE_INT32: "integer",
    FieldDescriptor.CPPTYPE_STRING: "string",
}


def schema(message: Descriptor) -> dict[str, Any]:
    """What the JSON form of a message must look like: its fields and no others, and all that are required.

    Of the fields of a `oneof` there may be one. For messages that do not contain themselves.
    Source: A2A 1.0, a2a.proto with google.api.field_behavior.
    """
    if message.full_name in JSON:
        return JSON[message.full_name]
    choices = [[{"required": [field.json_name]} for field in oneof.fields] for oneof in message.oneofs]
    return {
        "type": "object",
        "properties": {field.json_name: _field(field) for field in message.fields},
        "required": [field.json_name for field in message.fields if _is_required(field)],
        "additionalProperties": False,
        "allOf": [{"oneOf": [*choice, {"not": {"anyOf": choice}}]} for choice in choices],
    }


def _is_required(field: FieldDescriptor) -> bool:
    return REQUIRED in field.GetOptions().Extensions[field_behavior]


def _field(field: FieldDescriptor) -> dict[str, Any]:
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        return {"type": "object", "additionalProperties": _one(message.fields_by_name["value"])}
    return {"type": "array", "items": _one(field)} if field.is_repeated else _one(field)


def _one(field: FieldDescriptor) -> dict[str, Any]:
    if field.message_type is not None:
        return schema(field.message_type)
    if field.enum_type is not None:
        return {"enum": [value.name for value in field.enum_type.values]}
    filled = {"minLength": 1} if _is_required(field) and field.cpp_type == FieldDescriptor.CPPTYPE_STRING else {}
    return {"type": KINDS[field.cpp_type], **filled}
