"""Change one member of a JSON file and leave every other byte as it is, comments and trailing commas included."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import ConflictError

DEEPEST = 200
"""Levels of nesting that are read."""

_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?\d[\d.eE+-]*|true|false|null")
_INDENT = re.compile(r"^[ \t]*", re.MULTILINE)


@dataclass
class Node:
    """A value and where it stands in the text. `comma` is the place of a comma after the last member, if there."""

    value: Any
    start: int
    end: int = 0
    members: list[Member] = field(default_factory=list)
    comma: int | None = None

    def member(self, key: str) -> Member | None:
        """The member of that key; of several the last, which is the one that counts."""
        return next((member for member in reversed(self.members) if member.key == key), None)


@dataclass
class Member:
    """A key of an object, and its value."""

    key: str
    start: int
    node: Node


def values(text: str) -> Any:
    """What a JSON text holds; nothing but white space and comments counts as an empty object.

    Raises: ConflictError with line and column of the first fault.
    """
    return _root(text).value


def put(text: str, path: tuple[str, str], value: Mapping[str, Any]) -> str:
    """`text` with `value` at the key `path[1]` of the object at the key `path[0]`, which is made if need be.

    Raises: ConflictError for what is no JSON, or holds something else than objects there.
    """
    root = _root(text)
    if root.end == 0:
        head = text if not text or text.endswith("\n") else f"{text}\n"
        return f"{head}{_dumped({path[0]: {path[1]: value}}, '  ', '')}\n"
    unit = _unit(text, root)
    outer = root.member(path[0])
    if outer is None:
        return _added(text, root, path[0], {path[1]: value}, unit)
    holder = _object(outer.node, path[0])
    if (known := holder.member(path[1])) is None:
        return _added(text, holder, path[1], value, unit)
    written = _dumped(value, unit, _indent_at(text, known.start))
    return text[: known.node.start] + written + text[known.node.end :]


def drop(text: str, path: tuple[str, str]) -> str:
    """`text` without the key `path[1]` of the object at `path[0]`; as it is when there is none."""
    outer = _root(text).member(path[0])
    holder = _object(outer.node, path[0]) if outer else None
    known = holder.member(path[1]) if holder else None
    if holder is None or known is None:
        return text
    position = holder.members.index(known)
    start = _before(text, known.start)
    if position + 1 < len(holder.members) or holder.comma is not None:
        after = text.index(",", _SPACE.match(text, known.node.end).end())  # type: ignore[union-attr]
        return text[:start] + text[after + 1 :]
    text = text[:start] + text[known.node.end :]
    if position == 0:
        return text
    comma = text.index(",", _SPACE.match(text, holder.members[position - 1].node.end).end())  # type: ignore[union-attr]
    return text[:comma] + text[comma + 1 :]


# writing --------------------------------------------------------------------------------------------------------------


def _added(text: str, holder: Node, key: str, value: Any, unit: str) -> str:
    """`text` with one more member at the end of an object, after whatever comments stand there."""
    close = holder.end - 1
    if holder.members:
        last = holder.members[-1]
        begins_line = not text[: last.start].rpartition("\n")[2].strip()
        indent = _indent_at(text, last.start) if begins_line else _indent_at(text, holder.start) + unit
    else:
        indent = _indent_at(text, holder.start) + unit
    content = len(text[:close].rstrip())
    ends_line = "\n" in text[content:close]
    tail = text[content:] if ends_line else "\n" + _indent_at(text, holder.start) + text[close:]
    head = text[:content]
    if holder.members and holder.comma is None:
        end = holder.members[-1].node.end
        head = head[:end] + "," + head[end:]
    return f"{head}\n{indent}{json.dumps(key, ensure_ascii=False)}: {_dumped(value, unit, indent)}{tail}"


def _dumped(value: Any, unit: str, indent: str) -> str:
    return json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", f"\n{indent}")


def _unit(text: str, root: Node) -> str:
    """What a level is indented by: as the first member is, two spaces if that cannot be told."""
    if root.members and "\n" in text[root.start : root.members[0].start]:
        return _indent_at(text, root.members[0].start) or "  "
    return "  "


def _indent_at(text: str, place: int) -> str:
    line = text.rfind("\n", 0, place) + 1
    found = _INDENT.match(text, line)
    return found.group() if found else ""


def _before(text: str, start: int) -> int:
    """Where a member's own line begins, its line end included; its start when it shares the line."""
    line = text.rfind("\n", 0, start)
    return line if line >= 0 and not text[line:start].strip() else start


# reading --------------------------------------------------------------------------------------------------------------


def _root(text: str) -> Node:
    """The object that the text holds; one that ends at 0 when it holds nothing."""
    start = _skipped(text, 0)
    if start == len(text):
        return Node({}, start)
    root = _read(text, start, 0)
    rest = _skipped(text, root.end)
    if rest != len(text):
        raise _fault(text, rest, "nothing more was expected")
    return _object(root, "the file")


def _object(node: Node, name: str) -> Node:
    if not isinstance(node.value, dict):
        raise ConflictError(f"{name} is no object; mend it in the file, or move the file away")
    return node


def _read(text: str, start: int, depth: int) -> Node:
    if depth > DEEPEST:
        raise _fault(text, start, f"nested deeper than {DEEPEST} levels")
    match text[start : start + 1]:
        case "{":
            return _read_object(text, start, depth)
        case "[":
            return _read_array(text, start, depth)
        case '"':
            return _read_scalar(text, start, _STRING, "a string that ends on its line was expected")
        case _:
            return _read_scalar(text, start, _SCALAR, "a value was expected")


def _read_scalar(text: str, start: int, pattern: re.Pattern[str], wanted: str) -> Node:
    found = pattern.match(text, start)
    if found is None:
        raise _fault(text, start, wanted)
    try:
        return Node(json.loads(found.group()), start, found.end())
    except ValueError:
        raise _fault(text, start, wanted) from None


def _read_object(text: str, start: int, depth: int) -> Node:
    node, place = Node({}, start), _skipped(text, start + 1)
    while text[place : place + 1] != "}":
        key = _read_scalar(text, place, _STRING, 'a key in double quotes, or "}", was expected')
        colon = _skipped(text, key.end)
        if text[colon : colon + 1] != ":":
            raise _fault(text, colon, '":" was expected')
        value = _read(text, _skipped(text, colon + 1), depth + 1)
        node.members.append(Member(key.value, place, value))
        node.value[key.value] = value.value
        place, node.comma = _separated(text, value.end, "}")
    node.end = place + 1
    return node


def _read_array(text: str, start: int, depth: int) -> Node:
    node, place = Node([], start), _skipped(text, start + 1)
    while text[place : place + 1] != "]":
        value = _read(text, place, depth + 1)
        node.value.append(value.value)
        place, _ = _separated(text, value.end, "]")
    node.end = place + 1
    return node


def _separated(text: str, end: int, close: str) -> tuple[int, int | None]:
    """The place after a value and its comma, and where the comma is; none may stand before `close`."""
    place = _skipped(text, end)
    if text[place : place + 1] == ",":
        return _skipped(text, place + 1), place
    if text[place : place + 1] != close:
        raise _fault(text, place, f'"," or "{close}" was expected')
    return place, None


def _skipped(text: str, place: int) -> int:
    """The place of the next token, past white space and comments."""
    found = _SPACE.match(text, place)
    place = found.end() if found else place
    if text.startswith("/*", place):
        raise _fault(text, place, "the comment has no end")
    return place


def _fault(text: str, place: int, wanted: str) -> ConflictError:
    line = text.count("\n", 0, place) + 1
    column = place - text.rfind("\n", 0, place)
    found = repr(text[place : place + 20].split("\n", maxsplit=1)[0]) if place < len(text) else "the end of the file"
    return ConflictError(f"line {line}, column {column}: {wanted}, and there is {found}; mend the file, then try again")
