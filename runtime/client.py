"""Call the skills of other agents over A2A: typed in, typed out, one pooled connection set for the process."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from runtime import telemetry
from runtime.auth import Keyring
from runtime.caller import Caller
from runtime.errors import AgentRAGError, AgentUnavailableError, DeadlineError, InvalidInputError, from_problem
from runtime.identity import task_id
from runtime.resilience import Backoff, retried
from runtime.trust import authorities
from schemas.message import Message
from schemas.problem import Problem
from schemas.skills import Progress, SkillSpec, Token

if TYPE_CHECKING:
    import httpx
    from a2a.client.client import ClientCallContext
    from a2a.client.transports.jsonrpc import JsonRpcTransport
    from a2a.types.a2a_pb2 import SendMessageRequest, StreamResponse, Task

I = TypeVar("I", bound=Message)
O = TypeVar("O", bound=Message)

Addresses = Callable[[str], str]
"""The base URL of an agent by name. Raises AgentUnavailableError for one that is not known."""
UNARY_BACKOFF = Backoff(attempts=5, first_seconds=0.2, factor=2.0)
"""Short calls are idempotent, so one that met a restarting agent is tried again, for three seconds in all."""


class FederationClient:
    """Speaks A2A to the agents. Every call carries the caller in a token minted for that one hop, and the trace."""

    def __init__(self, addresses: Addresses, keyring: Keyring) -> None:
        self._addresses = addresses
        self._keyring = keyring
        self._http: httpx.AsyncClient | None = None

    async def call(self, spec: SkillSpec[I, O], ask: I, caller: Caller, *, key: str = "") -> O:
        """Call a skill that answers at once. Raises what the skill raised, or AgentUnavailableError."""
        output: O = await retried(lambda: self._unary(spec, ask, caller, key), UNARY_BACKOFF, AgentUnavailableError)
        return output

    async def _unary(self, spec: SkillSpec[I, O], ask: I, caller: Caller, key: str) -> O:
        from a2a.types.a2a_pb2 import Task as A2ATask

        with _faults(spec):
            transport = self._transport(spec.agent)
            response = await transport.send_message(_request(spec, ask, key), context=self._context(spec, caller))
        if response.HasField("task"):
            task: A2ATask = response.task
            raise _task_error(task, spec)
        return _typed(spec, response.message.parts)

    async def stream(
        self, spec: SkillSpec[I, O], ask: I, caller: Caller, *, key: str = ""
    ) -> AsyncGenerator[Token | Progress | O, None]:
        """Call a skill that emits: tokens and progress as they come, then its output as the last item.

        When the connection breaks, the task is picked up where it was as long as the agent still has it.
        Raises what the skill raised, or AgentUnavailableError when agent or task are gone.
        """
        key = key or f"call:{uuid.uuid4()}"
        seen: _Seen[O] = _Seen(spec)
        try:
            async with aclosing(self._send(spec, ask, caller, key)) as events:
                async for event in events:
                    for item in seen.take(event):
                        yield item
        except AgentUnavailableError:
            if seen.ended or not seen.begun:
                raise
            async with aclosing(self._subscribe(spec, caller, key)) as events:
                async for event in events:
                    for item in seen.take(event):
                        yield item
        if not seen.ended:
            raise AgentUnavailableError(f"{spec.name} ended without a result; ask again")

    async def _send(self, spec: SkillSpec[I, O], ask: I, caller: Caller, key: str) -> AsyncGenerator[StreamResponse]:
        with _faults(spec):
            transport = self._transport(spec.agent)
            stream = transport.send_message_streaming(_request(spec, ask, key), context=self._context(spec, caller))
            async with aclosing(stream) as events:
                async for event in events:
                    yield event

    async def _subscribe(self, spec: SkillSpec[I, O], caller: Caller, key: str) -> AsyncGenerator[StreamResponse]:
        from a2a.types.a2a_pb2 import SubscribeToTaskRequest

        with _faults(spec):
            transport = self._transport(spec.agent)
            request = SubscribeToTaskRequest(id=task_id(key))
            async with aclosing(transport.subscribe(request, context=self._context(spec, caller))) as events:
                async for event in events:
                    yield event

    async def cancel(self, spec: SkillSpec[Any, Any], key: str, caller: Caller) -> bool:
        """Cancel the task of a key; False when there is nothing left to cancel."""
        from a2a.types.a2a_pb2 import CancelTaskRequest
        from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError

        try:
            with _faults(spec):
                transport = self._transport(spec.agent)
                await transport.cancel_task(CancelTaskRequest(id=task_id(key)), context=self._context(spec, caller))
        except (TaskNotFoundError, TaskNotCancelableError):
            return False
        return True

    def _transport(self, agent: str) -> JsonRpcTransport:
        from a2a.client.transports.jsonrpc import JsonRpcTransport
        from a2a.types.a2a_pb2 import AgentCard

        url = f"{self._addresses(agent).rstrip('/')}/a2a"
        return JsonRpcTransport(self._pool(), AgentCard(), url, is_shared_httpx=True)

    def _pool(self) -> httpx.AsyncClient:
        import httpx

        if self._http is None:
            limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
            headers = {"A2A-Version": "1.0"}
            self._http = httpx.AsyncClient(limits=limits, trust_env=False, verify=authorities(), headers=headers)
        return self._http

    def _context(self, spec: SkillSpec[Any, Any], caller: Caller) -> ClientCallContext:
        from a2a.client.client import ClientCallContext

        seconds = caller.remaining(spec.timeout.total_seconds())
        headers = telemetry.outgoing()
        headers["Authorization"] = f"Bearer {self._keyring.mint(caller.within(seconds), spec.agent)}"
        return ClientCallContext(timeout=seconds + 1.0, service_parameters=headers)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()


def _request(spec: SkillSpec[Any, Any], ask: Message, key: str) -> SendMessageRequest:
    from a2a.helpers.proto_helpers import new_data_part
    from a2a.types.a2a_pb2 import Message as A2AMessage
    from a2a.types.a2a_pb2 import Role, SendMessageRequest

    message = A2AMessage(
        role=Role.ROLE_USER,
        message_id=str(uuid.uuid4()),
        context_id=key,
        parts=[new_data_part(ask.model_dump(mode="json"))],
    )
    message.metadata.update({"skill": spec.id})
    return SendMessageRequest(message=message)


def _data(parts: Any) -> Any:
    from google.protobuf.json_format import MessageToDict

    return next((MessageToDict(part.data) for part in parts if part.HasField("data")), None)


def _typed(spec: SkillSpec[Any, O], parts: Any) -> O:
    return spec.output.model_validate(_data(parts))


def _task_error(task: Task, spec: SkillSpec[Any, Any]) -> AgentRAGError:
    return _status_error(task.status.message.parts, spec)


def _status_error(parts: Any, spec: SkillSpec[Any, Any]) -> AgentRAGError:
    data = _data(parts)
    if isinstance(data, dict) and "problem" in data:
        return from_problem(Problem.model_validate(data["problem"]))
    return AgentUnavailableError(f"{spec.name} failed without saying why; ask again")


class _Seen(Generic[O]):
    """What has come of one stream, so that a second connection goes on without repeating."""

    def __init__(self, spec: SkillSpec[Any, O]) -> None:
        self._spec = spec
        self._text = ""
        self.begun = False
        self.ended = False

    def take(self, event: StreamResponse) -> list[Token | Progress | O]:
        """The items of one event. Raises the error of a failed task."""
        from runtime.errors import CancelledByUserError

        self.begun = True
        match event.WhichOneof("payload"):
            case "message":
                return self._result(event.message.parts)
            case "task":
                return self._snapshot(event.task)
            case "artifact_update":
                return self._artifact(event.artifact_update.artifact, whole=False)
            case "status_update":
                status = event.status_update.status
            case _:
                return []
        match _STATES.get(status.state):
            case "failed":
                raise _status_error(status.message.parts, self._spec)
            case "cancelled":
                raise CancelledByUserError(f"{self._spec.name} was cancelled")
        data = _data(status.message.parts)
        return [Progress.model_validate(data)] if isinstance(data, dict) else []

    def _snapshot(self, task: Task) -> list[Token | Progress | O]:
        if _STATES.get(task.status.state) == "failed":
            raise _task_error(task, self._spec)
        return [item for artifact in task.artifacts for item in self._artifact(artifact, whole=True)]

    def _artifact(self, artifact: Any, *, whole: bool) -> list[Token | Progress | O]:
        if artifact.artifact_id == "result":
            return self._result(artifact.parts)
        text = "".join(part.text for part in artifact.parts)
        fresh = text.removeprefix(self._text) if whole else text
        self._text += fresh
        return [Token(content=fresh)] if fresh else []

    def _result(self, parts: Any) -> list[Token | Progress | O]:
        self.ended = True
        return [_typed(self._spec, parts)]


_STATES = {4: "failed", 5: "cancelled", 7: "failed"}


class _faults:
    """Words what can go wrong on the way to an agent as errors of ours."""

    def __init__(self, spec: SkillSpec[Any, Any]) -> None:
        self._spec = spec

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        from a2a.client.errors import A2AClientError, A2AClientTimeoutError
        from a2a.utils.errors import InvalidParamsError

        agent = self._spec.agent
        if isinstance(error, A2AClientTimeoutError):
            raise DeadlineError(f"{agent} did not answer in time; ask again") from error
        if isinstance(error, InvalidParamsError):
            raise InvalidInputError(str(error)) from error
        if isinstance(error, A2AClientError):
            raise AgentUnavailableError(f"{agent} cannot be reached: {error}; see /health of the federation") from error
