"""Answers written by any model behind an OpenAI-compatible address, asked through the OpenAI Agents SDK.

`agents` and `openai` take two seconds to import, so that they are loaded in a thread, on first use or by `warm`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

import structlog

from prompts import Prompt
from runtime.errors import ModelUnavailableError, SettingsError
from runtime.models import followups, material, sufficiency
from runtime.models.spans import SpanBridge
from runtime.resilience import Backoff
from runtime.settings import Settings
from schemas.answer import Answer, FollowUps, TokenUsage
from schemas.skills import SuggestFollowUps, Synthesize, Token

if TYPE_CHECKING:
    from agents import Agent, ModelProvider, ModelSettings, RunConfig, RunResultStreaming
    from agents.retry import RetryPolicyContext
    from openai import AsyncOpenAI

log = structlog.get_logger()

RETRIED_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
OMISSIBLE = frozenset({"temperature", "max_tokens", "stream_options"})
"""Request fields that some models refuse; a refused one is left out from then on."""

_CODE = re.compile(r"[a-z][a-z_]{0,60}")


@dataclass(frozen=True)
class Patience:
    """How long a model is waited for, in seconds, and how often it is asked again (three times, after 1, 2 and 4 s)."""

    connect: float = 5.0
    silence: float = 20.0
    """Longest time without a sign of life, before the first token and between two."""
    backoff: Backoff = field(default_factory=lambda: Backoff(attempts=4, first_seconds=1.0))
    longest_wait: float = 15.0
    """A model that asks for a longer pause than this is given up at once."""


def worth_retrying(
    status: int | None, code: str | None, *, broken: bool, advised: bool | None, wait: float | None, longest_wait: float
) -> bool:
    """Whether the same request may work soon: `broken` connections and busy servers, but no used-up quota."""
    if code == "insufficient_quota" or advised is False or (wait or 0) > longest_wait:
        return False
    return broken or status in RETRIED_STATUSES


class OpenAIAnswerer:
    """An `Answerer` over chat completions. Retries end with the first token: what was said is never said again."""

    kind: Literal["extractive", "generated"] = "generated"

    def __init__(self, base_url: str, model: str, key: str | None = None, patience: Patience | None = None) -> None:
        address = urlsplit(base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise SettingsError("answers_url names no web address after `openai:`; use openai:https://host/v1")
        if address.username or address.password:
            raise SettingsError("answers_url holds a user or password; give the key as OPENAI_API_KEY instead")
        if not model:
            raise SettingsError("answers_model is empty; name the model to ask")
        self._base_url = base_url
        self._place = address.hostname if address.port is None else f"{address.hostname}:{address.port}"
        self._key = key or ""
        self._patience = patience or Patience()
        self._loading: asyncio.Task[_Connection] | None = None
        self._refused: frozenset[str] = frozenset()
        self.name = model

    @classmethod
    def from_settings(cls, settings: Settings) -> OpenAIAnswerer:
        """The answerer that `answers_url`, `answers_model` and `OPENAI_API_KEY` name. Raises: SettingsError."""
        secret = settings.openai_api_key
        key = secret.get_secret_value() if secret is not None else None
        return cls(settings.answers_url.partition(":")[2], settings.answers_model, key)

    async def warm(self) -> None:
        """Load the SDK now, in a thread; nothing is sent."""
        await self._connection()

    async def answer(self, ask: Synthesize, prompt: Prompt) -> AsyncGenerator[Token | Answer]:
        """Tokens as the model writes them, then the Answer. Closing this generator aborts the request.

        Raises: ModelUnavailableError with what is wrong and what to do.
        """
        rules, stuff = material.rules_and_material(
            prompt,
            question=material.quoted(ask.question),
            context=material.context(ask.chunks),
            history=material.history(ask.history),
        )
        usage = TokenUsage()
        pieces: list[str] = []
        async with aclosing(self._stream(rules, stuff, prompt)) as stream:
            async for item in stream:
                if isinstance(item, TokenUsage):
                    usage = item
                    continue
                content = item if pieces else item.lstrip()
                if content:
                    pieces.append(content)
                    yield Token(content=content)
        text = "".join(pieces).rstrip()
        if not text:
            raise self._unavailable("gave an empty answer", "ask again, or use another model")
        yield self._answer(text, usage, prompt)

    async def follow_ups(self, ask: SuggestFollowUps, prompt: Prompt) -> FollowUps:
        """Questions that the model suggests; ones made from the passages' headings when its reply is unreadable."""
        rules, stuff = material.rules_and_material(
            prompt,
            question=material.quoted(ask.question),
            answer=material.quoted(ask.answer),
            context=material.context(ask.chunks),
        )
        async with aclosing(self._stream(rules, stuff, prompt)) as stream:
            reply = "".join([item async for item in stream if isinstance(item, str)])
        questions = read_questions(reply, ask.question)
        if questions is None:
            log.warning("follow_ups.unreadable", model=self.name, reply_chars=len(reply))
            return FollowUps(questions=followups.suggest(ask.question, ask.answer, ask.chunks))
        return FollowUps(questions=questions)

    async def close(self) -> None:
        """Close the connections; requests under way fail."""
        loading, self._loading = self._loading, None
        if loading is None:
            return
        connection = await loading
        await connection.client.close()

    def _answer(self, text: str, usage: TokenUsage, prompt: Prompt) -> Answer:
        warnings = sufficiency.warnings(text)
        if usage.output_tokens >= prompt.settings.max_tokens:
            warnings = (*warnings, sufficiency.CUT_OFF)
        return Answer(
            text=text,
            kind=self.kind,
            model=self.name,
            prompt=prompt.label,
            abstained=sufficiency.is_abstention(text),
            usage=usage,
            warnings=warnings,
        )

    async def _stream(self, rules: str, stuff: str, prompt: Prompt) -> AsyncGenerator[str | TokenUsage]:
        """The model's text as it comes, then its usage; asked again without the fields that it refuses."""
        connection = await self._connection()
        while True:
            run = connection.start(rules, stuff, prompt, self._refused)
            began = False
            try:
                async with aclosing(_events(run)) as events:
                    async for text in events:
                        began = True
                        yield text
            except Exception as error:  # the SDK's errors have no common class below Exception
                field_name = connection.refused_field(error)
                if began or field_name is None or field_name in self._refused:
                    raise self._translated(error, began) from None  # the cause may quote the key
                log.info("model.field_refused", model=self.name, field=field_name)
                self._refused |= {field_name}
                continue
            used = run.context_wrapper.usage
            yield TokenUsage(input_tokens=used.input_tokens, output_tokens=used.output_tokens)
            return

    async def _connection(self) -> _Connection:
        if self._loading is None:
            work = asyncio.to_thread(_Connection, self._base_url, self.name, self._key, self._patience)
            self._loading = asyncio.create_task(work)
        try:
            return await asyncio.shield(self._loading)  # others wait for it too: a cancelled caller leaves it alone
        except ImportError as error:
            self._loading = None
            remedy = "install openai-agents, or set answers_url to embedded:extractive"
            raise self._unavailable(f"cannot be asked: {error}", remedy, again=False) from error

    def _translated(self, error: Exception, began: bool) -> ModelUnavailableError:
        """Word an error of the SDK: never with what the server wrote, which may quote the key or the documents."""
        status = getattr(error, "status_code", None)
        code = _known_code(getattr(error, "code", None))
        log.warning("model.failed", model=self.name, error=type(error).__name__, status=status, code=code)
        kinds = {kind.__name__ for kind in type(error).__mro__}
        told = f" ({code})" if code else ""
        if isinstance(status, int):
            return self._refusal(status, told)
        if kinds & {"APITimeoutError", "ModelTimeoutError", "TimeoutException", "TimeoutError"}:
            what = f"gave no sign for {self._patience.silence:g} s"
            return self._unavailable(what, "ask again, or use another model")
        if kinds & {"APIConnectionError", "TransportError"} and not began:
            return self._unavailable("cannot be reached", "check answers_url and the network")
        if "ModelRefusalError" in kinds:
            return self._unavailable("declined to answer", "ask differently, or use another model", again=False)
        return self._unavailable(f"broke off its answer{told}", "ask again, or use another model")

    def _refusal(self, status: int, told: str) -> ModelUnavailableError:
        what = f"answered HTTP {status}{told}"
        match status:
            case 401 | 403:
                return self._unavailable(what, "set OPENAI_API_KEY to a key that may use this model", again=False)
            case 404:
                return self._unavailable(what, "check answers_url and answers_model", again=False)
            case 400 | 413 | 422:
                return self._unavailable(what, "ask with a smaller top_k, or use another model", again=False)
            case 429:
                return self._unavailable(what, "wait a while, or raise the quota at the provider")
        return self._unavailable(what, "ask again later, or use another model")

    def _unavailable(self, what: str, remedy: str, *, again: bool = True) -> ModelUnavailableError:
        error = ModelUnavailableError(f"model {self.name!r} at {self._place} {what}; {remedy}")
        error.retryable = again
        return error


class _Connection:
    """The loaded SDK and its client. Made in a worker thread, used in the event loop."""

    def __init__(self, base_url: str, model: str, key: str, patience: Patience) -> None:
        import agents
        import httpx2
        import openai
        from agents.retry import ModelRetryBackoffSettings, ModelRetrySettings

        agents.set_trace_processors([cast(Any, _BRIDGE)])  # the SDK's own exporter would call its maker
        timeout = httpx2.Timeout(patience.silence, connect=patience.connect)
        self._agents = agents
        self._bad_request = openai.BadRequestError
        self._headers = None if key else {"Authorization": openai.Omit()}
        self._name = model
        self.client: AsyncOpenAI = openai.AsyncOpenAI(
            api_key=key,
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=httpx2.AsyncClient(timeout=timeout, follow_redirects=False),
            _enforce_credentials=False,
        )
        self._provider = _provider(self.client)
        waits = patience.backoff.waits()
        self._retry = ModelRetrySettings(
            max_retries=len(waits),
            backoff=ModelRetryBackoffSettings(
                initial_delay=patience.backoff.first_seconds,
                max_delay=max(waits, default=0),
                multiplier=patience.backoff.factor,
                jitter=False,
            ),
            policy=_policy(patience),
        )

    def start(self, rules: str, stuff: str, prompt: Prompt, refused: frozenset[str]) -> RunResultStreaming:
        """Begin one request; its events are to be read."""
        agent: Agent[None] = self._agents.Agent(
            name=prompt.id, instructions=rules or None, model=self._name, model_settings=self._settings(prompt, refused)
        )
        return self._agents.Runner.run_streamed(agent, stuff, max_turns=1, run_config=self._run_config(prompt))

    def _run_config(self, prompt: Prompt) -> RunConfig:
        return self._agents.RunConfig(
            model_provider=self._provider,
            trace_include_sensitive_data=False,
            workflow_name=prompt.label,
        )

    def _settings(self, prompt: Prompt, refused: frozenset[str]) -> ModelSettings:
        limit = prompt.settings.max_tokens
        return self._agents.ModelSettings(
            temperature=None if "temperature" in refused else prompt.settings.temperature,
            max_tokens=None if "max_tokens" in refused else limit,
            extra_args={"max_completion_tokens": limit} if "max_tokens" in refused else None,
            include_usage=None if "stream_options" in refused else True,
            store=False if self.client.base_url.host == "api.openai.com" else None,
            extra_headers=self._headers,
            retry=self._retry,
        )

    def refused_field(self, error: Exception) -> str | None:
        """The request field that a 400 names as unknown to this model, if it is one that can be left out."""
        named = getattr(error, "param", None)
        return named if isinstance(error, self._bad_request) and named in OMISSIBLE else None


_BRIDGE = SpanBridge()


def _provider(client: AsyncOpenAI) -> ModelProvider:
    from agents import Model, ModelProvider, OpenAIChatCompletionsModel

    class Provider(ModelProvider):
        """Every model name is one of this client's."""

        def get_model(self, model_name: str | None) -> Model:
            return OpenAIChatCompletionsModel(model_name or "", client)

    return Provider()


def _policy(patience: Patience) -> Any:
    def policy(context: RetryPolicyContext) -> bool:
        found, advice = context.normalized, context.provider_advice
        return worth_retrying(
            found.status_code,
            found.error_code,
            broken=found.is_network_error or found.is_timeout,
            advised=advice.suggested if advice is not None else None,
            wait=found.retry_after,
            longest_wait=patience.longest_wait,
        )

    return policy


async def _events(run: RunResultStreaming) -> AsyncGenerator[str]:
    """Text deltas of a run; leaving early cancels it, which closes the HTTP stream."""
    async with aclosing(cast(Any, run.stream_events())) as events:
        try:
            async for event in events:
                if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                    yield event.data.delta
        finally:
            if not run.is_complete:
                run.cancel()


def _known_code(code: object) -> str:
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def read_questions(reply: str, asked: str) -> tuple[str, ...] | None:
    """The questions of a model's reply, at most three: distinct, one sentence each, not the one asked.

    None when the reply holds no JSON object with a list of `questions`.
    """
    found = re.search(r"\{.*\}", reply, re.DOTALL)
    try:
        listed = json.loads(found[0])["questions"] if found else None
    except (json.JSONDecodeError, KeyError, TypeError):
        return None
    if not isinstance(listed, list):
        return None
    return followups.kept([entry for entry in listed if isinstance(entry, str)], asked)
