"""Documents are found by id or by the name that people know."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts.cli.api import Api
from hosts.cli.catalog import Catalog, matching, only, searchable_ids
from runtime.errors import ConflictError, NotFoundError
from tests.hosts.cli.toy_host import ToyHost, document
from tests.serving import serving

DOCUMENTS = [
    document("doc_1", "Manual.pdf"),
    document("doc_2", "manual.pdf"),
    document("doc_3", "Notes.md", version_id=None),
    document("doc_4", "doc_x.txt"),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("doc_3", ["doc_3"]),
        ("Manual.pdf", ["doc_1"]),
        ("manual.pdf", ["doc_2"]),
        ("MANUAL.PDF", ["doc_1", "doc_2"]),
        ("manual", ["doc_1", "doc_2"]),
        ("notes", ["doc_3"]),
    ],
)
def test_an_exact_name_goes_before_a_similar_one(wanted: str, found: list[str]) -> None:
    assert [one.doc_id for one in matching(DOCUMENTS, wanted)] == found


def test_a_name_nobody_bears_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFoundError, match=r"did you mean Notes\.md\?"):
        matching(DOCUMENTS, "Notess.md")
    with pytest.raises(NotFoundError, match="agentrag docs ls"):
        matching([], "anything")


def test_a_shared_name_is_refused_where_one_is_needed() -> None:
    with pytest.raises(ConflictError, match="doc_1, doc_2"):
        only(DOCUMENTS[:2], "manual")
    assert only(DOCUMENTS[:1], "manual") is DOCUMENTS[0]


def test_documents_without_a_version_cannot_be_searched() -> None:
    assert searchable_ids(DOCUMENTS) == {"doc_1", "doc_2", "doc_4"}


async def test_ids_and_names_may_be_mixed_and_each_document_comes_once(tmp_path: Path) -> None:
    host = ToyHost(documents={one.doc_id: one for one in DOCUMENTS})
    async with serving(host.app()) as base_url, Api.at(base_url) as api:
        catalog = Catalog(api)
        found = await catalog.all_of(["doc_1", "manual", "doc_x.txt"])
        assert [one.doc_id for one in found] == ["doc_1", "doc_2", "doc_4"]
        assert [one.doc_id for one in await catalog.one_each(["notes", "doc_3"])] == ["doc_3"]
        with pytest.raises(ConflictError):
            await catalog.one_each(["manual"])
