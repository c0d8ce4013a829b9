"""Edits of JSON and YAML files that leave everything else as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from hosts.cli.mcp import jsonc, yamlfile
from runtime.errors import ConflictError

PATH = ("servers", "ours")
ENTRY = {"command": "/x", "args": ["mcp", "stdio"]}

COMMENTED = """\
// servers of this project
{
\t"inputs": [1, 2,], /* kept */
\t"servers": {
\t\t"other": {"command": "npx"}, // its own comment
\t\t// the last word
\t}
}
"""


def lines_in_order(old: str, new: str) -> bool:
    """Whether all lines of `old` stand in `new`, in their order, but for commas."""
    left = iter(new.replace(",", "").splitlines())
    return all(any(line == other for other in left) for line in old.replace(",", "").splitlines())


# JSON -----------------------------------------------------------------------------------------------------------------


def test_an_entry_is_added_below_the_comments_in_the_files_own_style() -> None:
    assert (
        jsonc.put(COMMENTED, PATH, ENTRY)
        == """\
// servers of this project
{
\t"inputs": [1, 2,], /* kept */
\t"servers": {
\t\t"other": {"command": "npx"}, // its own comment
\t\t// the last word
\t\t"ours": {
\t\t\t"command": "/x",
\t\t\t"args": [
\t\t\t\t"mcp",
\t\t\t\t"stdio"
\t\t\t]
\t\t}
\t}
}
"""
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "// nothing yet",
        "{}",
        "{\n}\n",
        '{"a":1}',
        '{"a": 1, "servers": {}}',
        '{"servers": {"other": 1}}',
        '{\n    "servers": {\n        "other": 1\n    },\n    "z": "}"\n}\n',
        '{\n  "servers": {\n    "ours": {"command": "old"},\n    "other": 1\n  }\n}\n',
        '{\n  "servers": {\n    "other": 1,\n    "ours": {"command": "old"}\n  }\n}\n',
        '{\n  "servers": {\n    "other": 1,\n    "ours": {"command": "old"}, // why\n  }\n}\n',
        COMMENTED,
    ],
)
def test_an_entry_put_and_dropped_changes_nothing_else(text: str) -> None:
    before = jsonc.values(text)
    put = jsonc.put(text, PATH, ENTRY)
    assert jsonc.values(put) == {**before, "servers": {**before.get("servers", {}), "ours": ENTRY}}
    assert jsonc.put(put, PATH, ENTRY) == put
    dropped = jsonc.values(jsonc.drop(put, PATH))
    assert dropped == {**before, "servers": {k: v for k, v in before.get("servers", {}).items() if k != "ours"}}


def test_a_dropped_entry_leaves_the_file_as_it_was() -> None:
    text = '{\n  "servers": {\n    "other": {} // first\n    // second\n  }\n}\n'
    assert jsonc.drop(jsonc.put(text, PATH, ENTRY), PATH) == text
    assert jsonc.drop(text, PATH) == text
    assert jsonc.drop("{}", PATH) == "{}"


KEYS = some.text(alphabet='ab"\\/*{}[],:\n\té', max_size=5)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | KEYS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = some.dictionaries(KEYS, VALUES, max_size=4)


@given(OBJECTS, some.none() | OBJECTS, some.sampled_from([None, 1, 4, "\t"]), some.booleans())
def test_any_file_keeps_all_that_it_holds(
    outer: dict[str, Any], servers: dict[str, Any] | None, indent: Any, has_comments: bool
) -> None:
    held = outer if servers is None else {**outer, "servers": servers}
    text = json.dumps(held, indent=indent, ensure_ascii=False)
    if has_comments and indent is not None:
        text = "// on top\n" + "\n".join(f"{line} // {number} }}" for number, line in enumerate(text.split("\n")))
    put = jsonc.put(text, PATH, ENTRY)
    assert jsonc.values(put) == {**held, "servers": {**held.get("servers", {}), "ours": ENTRY}}
    if indent is not None and held.get("servers") and "ours" not in held["servers"]:
        assert lines_in_order(text, put)
    left = {k: v for k, v in held.get("servers", {}).items() if k != "ours"}
    assert jsonc.values(jsonc.drop(put, PATH)) == {**held, "servers": left}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1', 'line 1, column 8: "," or "}" was expected, and there is the end of the file'),
        ('{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3: "," or "}" was expected'),
        ("{\n  a: 1\n}", "line 2, column 3: a key in double quotes"),
        ("{'a': 1}", "line 1, column 2: a key in double quotes"),
        ('{"a" 1}', 'line 1, column 6: ":" was expected'),
        ('{"a": tru}', "line 1, column 7: a value was expected"),
        ('{"a": 1.2.3}', "line 1, column 7: a value was expected"),
        ('{"a": "x\n"}', "line 1, column 7: a string that ends on its line was expected"),
        (r'{"a": "\q"}', "line 1, column 7: a string"),
        ('{"a": [1 2]}', 'line 1, column 10: "," or "]" was expected'),
        ('{"a": 1} {', "line 1, column 10: nothing more was expected"),
        ('{"a": 1 /* }', "line 1, column 9: the comment has no end"),
        ("{,}", "line 1, column 2: a key"),
        ("[1]", "the file is no object"),
        ("[" * 300, "nested deeper than 200"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ConflictError) as refused:
        jsonc.put(text, PATH, ENTRY)
    assert words in str(refused.value)


@pytest.mark.parametrize("change", [lambda text: jsonc.put(text, PATH, ENTRY), lambda text: jsonc.drop(text, PATH)])
def test_servers_that_are_no_object_are_refused(change: Any) -> None:
    with pytest.raises(ConflictError, match="servers is no object"):
        change('{"servers": []}')


# YAML -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet",
        "a: 1",
        "a: 1\nservers:\n",
        "servers:   # ours go here\nz: 1\n",
        "servers: {}  # none\nz: 1\n",
        "servers: null\n",
        "servers: ~",
        "---\nservers:\n  # first\n  other:\n    enabled: true # on\n    args:\n    - x\n\n# after\nz: 1",
        "servers:\n    other:\n        text: |\n          one\n          two\n    last: {x: 1}\nz: 1\n",
        "servers:\n  other:\n    text: >-\n      folded\n\nz: 1\n",
        "servers:\n  other: {a: [1,\n    2]}",
        "servers:\n  ours:\n    command: old\n  other:\n    - 1\n",
        "servers:\n  other:\n  - 1\n  ours:\n    command: old # why\n",
        '"servers":\n  "other": "a: b # c"\n',
        "a: &shared {x: 1}\nservers:\n  other: *shared\n",
    ],
)
def test_a_yaml_entry_put_and_dropped_changes_nothing_else(text: str) -> None:
    before = yamlfile.values(text)
    servers = before.get("servers") or {}
    put = yamlfile.put(text, PATH, ENTRY)
    assert yaml.safe_load(put) == {**before, "servers": {**servers, "ours": ENTRY}}
    assert yamlfile.put(put, PATH, ENTRY) == put
    dropped = yaml.safe_load(yamlfile.drop(put, PATH))
    assert dropped == {**before, "servers": {k: v for k, v in servers.items() if k != "ours"}}
    comments = [line.partition("#")[2] for line in text.splitlines() if "# " in line and '"' not in line]
    assert all(comment in put for comment in comments if comment != " why")


def test_yaml_without_the_entry_stays_as_it_is() -> None:
    for text in ("", "a: 1\n", "servers: {}\n", "servers:\n  other: 1\n", "servers: 3\n"):
        assert yamlfile.drop(text, PATH) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "line 1, column 6: "),
        ("a: 1\n b: 2\n", "line 2, column 3: "),
        ("{a: 1}", "not written with one line a key"),
        ("- 1\n", "not written with one line a key"),
        ("servers: 3\n", "servers is no mapping"),
        ("servers: {other: 1}\n", "written in braces"),
    ],
)
def test_yaml_that_cannot_take_an_entry_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConflictError) as refused:
        yamlfile.put(text, PATH, ENTRY)
    assert words in str(refused.value)


def test_yaml_values_that_cannot_be_read_are_refused_with_their_place() -> None:
    with pytest.raises(ConflictError, match=r"line 1, column 4: .*mend the file"):
        yamlfile.values("a: !odd 1\n")
    with pytest.raises(ConflictError, match="take ours out by hand"):
        yamlfile.drop("servers: {ours: 1}\n", PATH)
