"""What workflows and activities hand to each other: small JSON, the same text every time."""

from __future__ import annotations

import json
from typing import Any

from runtime.durable.contract import PAYLOAD_BYTES
from runtime.errors import InvalidInputError, TooLargeError


def encode(value: Any, what: str) -> str:
    """Canonical JSON of a value; `what` names it in errors, e.g. `result of activity 'fetch'`.

    Raises: InvalidInputError for what is no JSON; TooLargeError above PAYLOAD_BYTES.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"the {what} is no JSON ({error}); use text, numbers, lists and dicts") from error
    if size > PAYLOAD_BYTES:
        raise TooLargeError(
            f"the {what} has {size} bytes, the limit is {PAYLOAD_BYTES}; "
            "keep the data in a store and hand over its id or key"
        )
    return text


def decode(text: str) -> Any:
    """The value, as new objects."""
    return json.loads(text)
