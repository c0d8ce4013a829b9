"""Ids that follow from what they name, so that whoever knows the one knows the other."""

from __future__ import annotations

import uuid

NAMESPACE = uuid.UUID("5b0c7a1e-2f64-5d0b-9c57-a6e1d8f0c3b2")
"""Root of all our UUIDv5 names."""


def named(*parts: object) -> uuid.UUID:
    """The UUIDv5 of a name made of parts."""
    return uuid.uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts))


def task_id(context_id: str) -> str:
    """The A2A task id of a context: known before the task exists."""
    return str(named("task", context_id))
