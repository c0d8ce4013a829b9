"""Keys of blobs: names joined by slashes that mean the same in a folder and in an object store."""

from __future__ import annotations

import re

from runtime.errors import InvalidInputError

KEY_CHARS = 512
"""Longest key."""
NAME_CHARS = 200
"""Longest name between two slashes; file systems take 255 bytes and we need a few for files under way."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=@+-]*", re.ASCII)


def checked_key(key: str) -> str:
    """The key itself. Raises InvalidInputError for one that could name something outside of the store."""
    if len(key) > KEY_CHARS:
        raise InvalidInputError(f"blob key {key[:40]!r}... has {len(key)} characters, the limit is {KEY_CHARS}")
    for name in key.split("/"):
        if len(name) > NAME_CHARS or not _NAME.fullmatch(name):
            raise InvalidInputError(
                f"blob key {key!r} has the part {name!r}; parts are 1 to {NAME_CHARS} letters, digits and ._=@+-, "
                "begin with a letter, a digit or _, and are joined by single slashes"
            )
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix without a slash at its end. Raises InvalidInputError for one that is no key, the empty one too."""
    return checked_key(prefix.removesuffix("/"))
