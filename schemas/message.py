"""The base of every message: frozen, strict about names, lenient about how numbers arrive."""

from __future__ import annotations

from typing import NewType

from pydantic import BaseModel, ConfigDict

TenantId = NewType("TenantId", str)
DocumentId = NewType("DocumentId", str)
VersionId = NewType("VersionId", str)
RunId = NewType("RunId", str)


class Message(BaseModel):
    """A frozen value that may cross the wire.

    Unknown fields are refused, so a misspelt one is an error and not a silent default. Numbers validate in lax mode,
    because A2A data parts carry every number as a double.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
