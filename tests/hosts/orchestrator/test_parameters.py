"""Declared parameters and representations: pure rules."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from hosts.orchestrator.idempotency import Key
from hosts.orchestrator.parameters import Once, Parameters, Seen, declared, read
from hosts.orchestrator.representation import etag_of, names
from hosts.orchestrator.routes.documents import DocumentsPage
from hosts.orchestrator.routes.files import PagePicture
from hosts.orchestrator.routes.reference import page_policy
from runtime.caller import Caller
from runtime.errors import InvalidInputError, NotFoundError


def request(query: str = "", headers: dict[str, str] | None = None, **path: str) -> Request:
    """A request with nothing but what parameters are read from."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return Request({"type": "http", "query_string": query.encode(), "headers": raw, "path_params": path})


def test_values_come_from_where_they_are_declared() -> None:
    given = read(PagePicture, request("width=300&quote=a%20b", {"If-None-Match": '"t"'}, doc_id="doc_1", page="7"))
    assert (given.doc_id, given.page, given.width, given.quote) == ("doc_1", 7, 300, "a b")
    assert given.if_none_match == '"t"'
    assert read(Parameters, request(headers={"X": "y"})) == Parameters()


def test_what_is_not_given_has_its_default() -> None:
    given = read(DocumentsPage, request())
    assert (given.limit, given.cursor, given.status, given.if_none_match) == (20, None, None, "")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "limit is '0'"),
        ("limit=101", "less than or equal to 100"),
        ("limit=1&limit=2", "comes twice"),
        ("limits=1", "known are cursor, limit, status"),
        ("status=odd&limit=x", "status is 'odd'"),
    ],
)
def test_a_bad_value_names_itself_and_its_limit(query: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as refused:
        read(DocumentsPage, request(query))
    assert all(flaw.pointer.startswith("/query/") for flaw in refused.value.flaws)


def test_a_bad_path_is_nowhere_and_a_bad_header_is_refused() -> None:
    with pytest.raises(NotFoundError, match="page is 'x'"):
        read(PagePicture, request(doc_id="doc_1", page="x"))
    with pytest.raises(InvalidInputError, match="Idempotency-Key"):
        read(Once, request(headers={"Idempotency-Key": "two words"}))


def test_each_parameter_knows_its_place_and_name() -> None:
    assert {(at.place, at.name) for at in declared(PagePicture).values()} == {
        ("path", "doc_id"),
        ("path", "page"),
        ("query", "quote"),
        ("query", "width"),
        ("header", "If-None-Match"),
    }
    assert declared(Seen)["if_none_match"].name == "If-None-Match"


@pytest.mark.parametrize(
    ("tags", "weakly", "is_named"),
    [
        ('"a"', True, True),
        ('"b", "a"', False, True),
        ('W/"a"', True, True),
        ('W/"a"', False, False),
        ("*", False, True),
        ('"ab"', True, False),
        ("a", True, False),
        ("", True, False),
        ('"a, "', True, False),
    ],
)
def test_a_list_of_tags_names_a_tag(tags: str, weakly: bool, is_named: bool) -> None:
    assert names(tags, '"a"', weakly=weakly) is is_named


def test_a_tag_tells_bodies_apart() -> None:
    assert etag_of(b"a") == etag_of(b"a") != etag_of(b"b")


def test_a_seed_is_the_same_for_the_same_request_of_the_same_caller_alone() -> None:
    ann, key = Caller.owner(), Key.of('"k"', "POST /x", "body")
    assert key.word == "k"
    assert key.seed(ann) == Key.of("k", "POST /x", "body").seed(ann)
    assert key.seed(ann) != Key.of("k", "POST /x", "other").seed(ann)
    assert key.seed(ann) != key.seed(Caller.system(ann.tenant))
    assert Key.of("", "POST /x").seed(ann) == ""


def test_the_policy_of_a_page_names_its_own_script_and_style_alone() -> None:
    policy = page_policy("<style>a{}</style><script>1</script><script>2</script>")
    script = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert script.count("sha256-") == 2
    assert "unsafe" not in policy
    assert "http" not in policy
