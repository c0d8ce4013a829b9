"""The contracts of models: an Embedder makes vectors, a CrossEncoder judges passages, an Answerer makes an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from prompts import Prompt
from schemas.answer import Answer, FollowUps
from schemas.skills import SuggestFollowUps, Synthesize, Token

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class Embedder(Protocol):
    """Texts to unit vectors. Vectors of different fingerprints never mix."""

    @property
    def fingerprint(self) -> str:
        """Names model, weights and precision, e.g. `minilm-l6-v2/53aa5117/int8`."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""

    @property
    def window(self) -> int:
        """Tokens that the model reads of one text, special ones included."""

    async def embed(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Floats:
        """Unit float32 rows (n, dimension), order kept. `on_batch` hears how many texts are done so far."""

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Character offsets (start, end) of each token of `text`, without special tokens and without a limit."""

    async def close(self) -> None:
        """Release it."""


class CrossEncoder(Protocol):
    """Question and passages to scores; reads both together, which costs more and tells more than two vectors do."""

    @property
    def name(self) -> str:
        """Model name for logs and explanations."""

    async def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """How well each passage answers, 0..1, order kept. Raises ModelUnavailableError."""

    async def close(self) -> None:
        """Release it."""


class Answerer(Protocol):
    """Passages to an answer whose sentences carry `[n]`."""

    @property
    def kind(self) -> Literal["extractive", "generated"]:
        """Whether sentences are picked or written."""

    @property
    def name(self) -> str:
        """Model name for usage rows."""

    def answer(self, ask: Synthesize, prompt: Prompt) -> AsyncIterator[Token | Answer]:
        """Pieces of text as they come, then the whole Answer as the last item."""

    async def follow_ups(self, ask: SuggestFollowUps, prompt: Prompt) -> FollowUps:
        """Up to three questions that the same chunks can answer."""

    async def close(self) -> None:
        """Release it."""
