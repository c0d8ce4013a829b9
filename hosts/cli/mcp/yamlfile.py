"""Change one member of a YAML file and leave every other line as it is, comments included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node

from runtime.errors import ConflictError


def values(text: str) -> Any:
    """What a YAML text holds; nothing counts as an empty object. Raises ConflictError with line and column."""
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise _fault(error) from error


def put(text: str, path: tuple[str, str], value: Mapping[str, Any]) -> str:
    """`text` with `value` at the key `path[1]` of the mapping at the key `path[0]`, which is made if need be.

    Raises: ConflictError for what is no YAML, or is written so that a line cannot be added.
    """
    root = _root(text)
    if root is None or (outer := _member(root, path[0])) is None:
        return _joined(text, _dumped({path[0]: {path[1]: value}}, ""))
    key, holder = outer
    if not isinstance(holder, MappingNode) or not holder.value:
        _check_empty(holder, path[0])
        line_end = _line_end(text, key.end_mark.index)
        rest = text[holder.end_mark.index : line_end] if holder.end_mark.index <= line_end else ""
        head = text[: key.end_mark.index] + ":" + rest
        return _joined(head, _dumped({path[1]: value}, " " * (key.start_mark.column + 2))) + text[line_end + 1 :]
    if holder.flow_style:
        raise ConflictError(f"{path[0]} is written in braces; write it with one line an entry, then try again")
    indent = " " * holder.value[0][0].start_mark.column
    written = _dumped({path[1]: value}, indent)
    if (known := _member(holder, path[1])) is not None:
        start, end = _lines(text, known)
        return _joined(text[:start], written) + text[end:]
    _, end = _lines(text, holder.value[-1])
    return _joined(text[:end], written) + text[end:]


def drop(text: str, path: tuple[str, str]) -> str:
    """`text` without the key `path[1]` of the mapping at `path[0]`; as it is when there is none."""
    root = _root(text)
    outer = _member(root, path[0]) if root is not None else None
    holder = outer[1] if outer else None
    known = _member(holder, path[1]) if isinstance(holder, MappingNode) else None
    if outer is None or known is None or not isinstance(holder, MappingNode):
        return text
    if holder.flow_style:
        raise ConflictError(f"{path[0]} is written in braces; take {path[1]} out by hand")
    start, end = _lines(text, known)
    if len(holder.value) == 1:
        place = outer[0].end_mark.index
        return text[:place] + ": {}" + text[text.index(":", place) + 1 : start] + text[end:]
    return text[:start] + text[end:]


def _root(text: str) -> MappingNode | None:
    """The mapping that the text holds, None when it holds nothing."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _fault(error) from error
    if root is None:
        return None
    if not isinstance(root, MappingNode) or root.flow_style:
        raise ConflictError("the file is not written with one line a key; mend it, then try again")
    return root


def _member(holder: MappingNode, key: str) -> tuple[Node, Node] | None:
    return next(((name, value) for name, value in holder.value if name.value == key), None)


def _check_empty(node: Node, key: str) -> None:
    if not isinstance(node, MappingNode) and node.tag != "tag:yaml.org,2002:null":
        raise ConflictError(f"{key} is no mapping; mend it in the file, or move the file away")


def _lines(text: str, member: tuple[Node, Node]) -> tuple[int, int]:
    """Where the lines of a member begin and end, the last line end included."""
    start = text.rfind("\n", 0, member[0].start_mark.index) + 1
    end = _line_end(text, max(member[0].end_mark.index, _last(member[1])) - 1)
    return start, min(end + 1, len(text))


def _last(node: Node) -> int:
    """Where the last word of a value ends; a collection's own mark lies before what follows it."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        inner = node.value[-1]
        return _last(inner[1] if isinstance(inner, tuple) else inner) or inner[0].end_mark.index
    return int(node.end_mark.index)


def _line_end(text: str, place: int) -> int:
    found = text.find("\n", place)
    return len(text) if found < 0 else found


def _joined(head: str, lines: str) -> str:
    return head + lines if not head or head.endswith("\n") else f"{head}\n{lines}"


def _dumped(value: Mapping[str, Any], indent: str) -> str:
    written = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=10_000)
    return "".join(f"{indent}{line}\n" for line in written.splitlines())


def _fault(error: yaml.YAMLError) -> ConflictError:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = getattr(error, "problem", None) or "this is no YAML"
    return ConflictError(f"{where}{problem}; mend the file, then try again")
