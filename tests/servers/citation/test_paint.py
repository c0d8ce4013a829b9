"""The child's requests are answered as they are worded, page by page."""

from __future__ import annotations

import pytest

from runtime.errors import NotFoundError, UnreadableDocumentError
from runtime.paper import size
from servers.citation.paint import handle

HANDS = "Keep hands clear of the intake while the motor runs."


@pytest.fixture
def path(make_manual) -> str:
    return str(make_manual())


def test_passages_are_placed_page_by_page(path):
    right, moved, absent = [HANDS, [[30, 52]]], [HANDS, [[0, 3]]], ["nowhere at all", []]
    request = {"do": "place", "path": path, "pages": [[1, [right, moved, absent]], [2, [right]]]}
    first, second = handle(request)
    assert first["page"] == 1
    assert first["placed"][0] == first["placed"][1] != []
    assert first["placed"][2] == []
    assert second == {"page": 2, "placed": [[]]}


def test_a_page_is_drawn_with_passages_and_boxes(path):
    request = {"do": "draw", "path": path, "page": 1, "width": 300, "boxes": [[0.1, 0.8, 0.2, 0.1]]}
    (drawn,) = handle(request | {"highlights": [[HANDS, [[30, 52]]]], "pale": [["Safety of the", [[0, 13]]]]})
    assert drawn["drawn"] == 2
    assert drawn["size"] == list(size(drawn["image"]))
    assert drawn["size"][0] == 300
    (plain,) = handle(request | {"highlights": [], "pale": [], "boxes": []})
    assert plain["drawn"] == 0
    assert plain["image"] != drawn["image"]


def test_a_text_is_set_as_a_page():
    request = {"do": "set", "text": "one two\n\nthree", "width": 400, "highlights": [[0, 3], [9, 14]], "pale": [[4, 7]]}
    (drawn,) = handle(request)
    assert drawn["drawn"] == 2
    assert drawn["size"][0] == 400


def test_faults_of_a_file_are_raised_as_they_are(path, tmp_path):
    with pytest.raises(NotFoundError):
        list(handle({"do": "place", "path": path, "pages": [[3, []]]}))
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing else")
    with pytest.raises(UnreadableDocumentError):
        list(handle({"do": "place", "path": str(broken), "pages": []}))


def test_an_unknown_request_is_not_answered():
    assert list(handle({"do": "sing"})) == []
