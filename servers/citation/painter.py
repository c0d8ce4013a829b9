"""Ask child processes for rectangles and pictures; each child serves one tenant, so that files cannot reach others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from runtime import intake
from runtime.call import Call
from runtime.compute.contract import Child, Compute, Frame, Limits
from runtime.errors import ChildError
from schemas.citation import Rect
from schemas.message import TenantId
from servers.citation.settings import CitationSettings

if TYPE_CHECKING:
    from runtime.backends import Backends

MODULE = "servers.citation.paint"


@dataclass(frozen=True)
class Passage:
    """Words of a page and where they stand in the source's characters: (first, count) each."""

    page: int
    quote: str
    source: tuple[tuple[int, int], ...]

    def packed(self) -> list[Any]:
        """As it travels to the child."""
        return [self.quote, [list(span) for span in self.source]]


@dataclass(frozen=True)
class Drawing:
    """A drawn page: a WebP file, its size in pixels, and how many rectangles are in full yellow."""

    image: bytes
    width: int
    height: int
    drawn: int


@dataclass
class _Desk:
    child: Child
    users: int = 0


class Painters:
    """One child a tenant, started when first asked, kept warm; those used least lately end when there are too many."""

    def __init__(self, compute: Compute, settings: CitationSettings) -> None:
        self._compute = compute
        self._limits = Limits(
            memory_mb=settings.page_memory_mb,
            cpu_seconds=int(settings.page_seconds) + 1,
            wall_seconds=settings.page_seconds,
        )
        self._most = settings.page_processes
        self._desks: OrderedDict[TenantId, _Desk] = OrderedDict()

    @asynccontextmanager
    async def lease(self, tenant: TenantId) -> AsyncIterator[Child]:
        """The tenant's child."""
        desk = self._desks.get(tenant)
        if desk is None:
            desk = self._desks[tenant] = _Desk(self._compute.child(MODULE, self._limits))
        self._desks.move_to_end(tenant)
        desk.users += 1
        try:
            yield desk.child
        finally:
            desk.users -= 1
            await self._trim()

    async def _trim(self) -> None:
        idle = [tenant for tenant, desk in self._desks.items() if not desk.users]
        for tenant in idle[: max(0, len(self._desks) - self._most)]:
            await self._desks.pop(tenant).child.close()


_OF: WeakKeyDictionary[Backends, Painters] = WeakKeyDictionary()


def painters(call: Call) -> Painters:
    """The painters of the agent that is called; they end when `compute` is closed."""
    found = _OF.get(call.on)
    if found is None:
        found = _OF[call.on] = Painters(call.on.compute, call.knobs(CitationSettings))
    return found


async def place(call: Call, doc_id: str, passages: Sequence[Passage]) -> list[tuple[Rect, ...]]:
    """Rectangles of each passage of one PDF document, in the order of the passages, in one request.

    Raises: what opening the original raises; ChildError.
    """
    pages: dict[int, list[int]] = {}
    for index, passage in enumerate(passages):
        pages.setdefault(passage.page, []).append(index)
    found: list[tuple[Rect, ...]] = [()] * len(passages)
    packed = [[page, [passages[index].packed() for index in indexes]] for page, indexes in pages.items()]
    tenant = call.caller.tenant
    key = intake.original_key(tenant, doc_id)
    async with call.on.blobs.local(key) as path, painters(call).lease(tenant) as child:
        async for frame in child.ask({"do": "place", "path": str(path), "pages": packed}):
            for index, rects in zip(pages[frame["page"]], frame["placed"], strict=True):
                found[index] = tuple(Rect(x=x, y=y, width=width, height=height) for x, y, width, height in rects)
    return found


async def draw(
    call: Call,
    doc_id: str,
    page: int,
    width: int,
    *,
    highlights: Sequence[Passage] = (),
    pale: Sequence[Passage] = (),
    boxes: Sequence[Rect] = (),
) -> Drawing:
    """A page of a PDF document with passages and boxes in yellow."""
    request = {
        "do": "draw",
        "page": page,
        "width": width,
        "highlights": [passage.packed() for passage in highlights],
        "pale": [passage.packed() for passage in pale],
        "boxes": [[box.x, box.y, box.width, box.height] for box in boxes],
    }
    async with call.on.blobs.local(intake.original_key(call.caller.tenant, doc_id)) as path:
        return await _drawing(call, request | {"path": str(path)})


async def set_text(
    call: Call,
    text: str,
    width: int,
    *,
    highlights: Sequence[tuple[int, int]] = (),
    pale: Sequence[tuple[int, int]] = (),
) -> Drawing:
    """A text as a simple page, for documents without a layout."""
    request = {"do": "set", "text": text, "width": width, "highlights": list(highlights), "pale": list(pale)}
    return await _drawing(call, request)


async def _drawing(call: Call, request: Frame) -> Drawing:
    async with painters(call).lease(call.caller.tenant) as child:
        frames = [frame async for frame in child.ask(request)]
    if len(frames) != 1:
        raise ChildError(f"{MODULE} sent {len(frames)} pictures of a page, one was asked for; report this")
    width, height = frames[0]["size"]
    return Drawing(frames[0]["image"], width, height, frames[0]["drawn"])
