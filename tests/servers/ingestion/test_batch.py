"""Batches of short texts: each a document of its own, named by its id, taken once, and a bad one stops no other."""

from schemas.skills import BatchText, IngestBatch
from servers.ingestion import server
from servers.ingestion.batch import body_of, name_of


async def batch(agent, *texts: BatchText):
    return (await server.ingest_batch(IngestBatch(texts=texts), agent.call())).outcomes


async def test_each_text_becomes_a_document_that_is_found_by_its_words(agent):
    texts = [BatchText(id=f"note-{n}", title=f"Note {n}", text=f"Valve {n} is checked on Mondays.") for n in range(20)]
    outcomes = await batch(agent, *texts)
    assert [(one.line, one.id, one.status, one.is_new) for one in outcomes] == [
        (n + 1, f"note-{n}", "completed", True) for n in range(20)
    ]
    document = await agent.find(outcomes[7].doc_id)
    assert (document.filename, document.title, document.media_type) == ("note-7.txt", "Note 7", "text/plain")
    assert (await agent.pages(document))[0].text == "Note 7\n\nValve 7 is checked on Mondays."
    assert len(await agent.chunks(document)) == 1
    assert sorted(item.done for item in agent.told) == list(range(1, 21))
    assert {item.document.status for item in agent.told} == {"completed"}


async def test_texts_that_are_known_are_not_taken_twice(agent):
    text = BatchText(id="a", text="Valves are checked on Mondays.")
    first, twin = await batch(agent, text, text.model_copy(update={"id": "a"}))
    again, *_ = await batch(agent, text)
    assert first.doc_id == twin.doc_id == again.doc_id
    assert (first.is_new, twin.is_new) == (True, False)
    assert (again.is_new, again.status) == (False, "completed")


async def test_a_text_that_is_refused_stops_no_other(agent):
    good, empty, packed = await batch(
        agent,
        BatchText(id="good", text="Valves are checked on Mondays."),
        BatchText(id="empty", text=""),
        BatchText(filename="a.pdf", text="no PDF"),
    )
    assert good.status == "completed"
    assert (empty.status, empty.doc_id, empty.error.code) == ("failed", None, "document.unreadable")
    assert packed.error.code == "document.unsupported"


async def test_one_that_has_nothing_to_read_says_why(agent):
    (blank,) = await batch(agent, BatchText(id="blank", text=" \n\t "))
    assert blank.status == "failed"
    assert blank.doc_id is not None
    assert "no text" in blank.error.detail


def test_names_say_what_the_caller_said():
    for text, name in (
        (BatchText(id="7", text="x"), "7.txt"),
        (BatchText(id="a/b\\c", text="x"), "a_b_c.txt"),
        (BatchText(id="v1.2", text="x"), "v1.2.txt"),
        (BatchText(id="7", filename="notes.md", text="x"), "notes.md"),
        (BatchText(id="7", filename="notes", text="x"), "notes.txt"),
        (BatchText(title="On valves.", text="x"), "On valves.txt"),
        (BatchText(text="x"), "text.txt"),
    ):
        assert name_of(text) == name


def test_the_title_stands_on_top_once():
    assert body_of(BatchText(title="Valves", text="They leak.")) == b"Valves\n\nThey leak."
    assert body_of(BatchText(title="Valves", text=" Valves leak.")) == b" Valves leak."
    assert body_of(BatchText(text="They leak.")) == b"They leak."
