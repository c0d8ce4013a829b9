"""A reranking service over HTTP, of either form in use: Cohere's and Jina's, or Text Embeddings Inference's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from runtime.errors import ModelUnavailableError, SettingsError
from runtime.trust import authorities

if TYPE_CHECKING:
    import httpx

    from runtime.settings import Settings

Form = Literal["cohere", "tei"]

SECONDS = 10.0
"""Longest wait for an answer; who has less time stops waiting earlier."""


class RerankService:
    """A `CrossEncoder` that asks a service: `{"query", "documents"}` (Cohere, Jina) or `{"query", "texts"}` (TEI)."""

    def __init__(self, url: str, form: Form, *, model: str | None = None, key: str | None = None) -> None:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise SettingsError(f"rerank_url names no web address in {url!r}; use https://host/v2/rerank")
        if address.username or address.password:
            raise SettingsError("rerank_url holds a user or password; give the key as AGENTRAG_RERANK_API_KEY instead")
        self._url, self._form, self._model = url, form, model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client: httpx.AsyncClient | None = None
        self.name = model or address.hostname

    @classmethod
    def from_settings(cls, settings: Settings) -> RerankService:
        """The service that `rerank_url`, `rerank_model` and `rerank_api_key` name. Raises: SettingsError."""
        secret = settings.rerank_api_key
        form: Form = "tei" if settings.rerank_url.startswith("tei:") else "cohere"
        key = secret.get_secret_value() if secret is not None else None
        return cls(settings.rerank_url.removeprefix("tei:"), form, model=settings.rerank_model, key=key)

    async def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """How well each passage answers, 0..1, order kept.

        Raises: ModelUnavailableError when the service cannot be reached, refuses, or answers something else.
        """
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=SECONDS, trust_env=False, verify=authorities(), headers=self._headers
            )
        try:
            response = await self._client.post(self._url, json=self._request(question, passages))
        except httpx.HTTPError as error:
            raise self._unavailable(f"cannot be reached ({type(error).__name__})") from error
        if response.status_code != 200:
            raise self._unavailable(f"answered with status {response.status_code}")
        try:
            return self._scores(response.json(), len(passages))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise self._unavailable("gave an answer of another form") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _request(self, question: str, passages: Sequence[str]) -> dict[str, Any]:
        if self._form == "tei":
            return {"query": question, "texts": list(passages), "truncate": True}
        model = {"model": self._model} if self._model else {}
        return {**model, "query": question, "documents": list(passages), "top_n": len(passages)}

    def _scores(self, answer: Any, wanted: int) -> list[float]:
        """Scores by place; a passage that the service leaves out has 0."""
        rows, field = (answer, "score") if self._form == "tei" else (answer["results"], "relevance_score")
        scores = [0.0] * wanted
        for row in rows:
            scores[int(row["index"])] = min(1.0, max(0.0, float(row[field])))
        return scores

    def _unavailable(self, what: str) -> ModelUnavailableError:
        return ModelUnavailableError(
            f"the rerank service at {urlsplit(self._url).hostname} {what}; check rerank_url, rerank_model and "
            f"rerank_api_key, or set rerank_url to fused:"
        )
