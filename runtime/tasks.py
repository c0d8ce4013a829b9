"""The A2A face: messages call skills, streams become task artifacts, tasks live in a bounded store."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

from a2a.auth.user import User
from a2a.helpers.proto_helpers import new_data_part, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext, SimpleRequestContextBuilder
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.id_generator import IDGenerator, IDGeneratorContext
from a2a.server.request_handlers.default_request_handler_v2 import DefaultRequestHandlerV2
from a2a.server.routes.common import ServerCallContextBuilder
from a2a.server.tasks import InMemoryTaskStore, TaskStore, TaskUpdater
from a2a.types.a2a_pb2 import ListTasksRequest, ListTasksResponse, Part, Role, Task, TaskState, TaskStatus
from a2a.types.a2a_pb2 import Message as A2AMessage
from a2a.utils.errors import InvalidParamsError
from google.protobuf.json_format import MessageToDict

from runtime import card, telemetry
from runtime.call import BoundSkill, Stop
from runtime.caller import Caller
from runtime.errors import AgentRAGError, UnauthenticatedError
from runtime.identity import task_id
from runtime.live.contract import Live
from schemas.skills import Progress, Token

if TYPE_CHECKING:
    from starlette.requests import Request

    from runtime.agent import AgentServer

ANSWER, RESULT = "answer", "result"
"""Artifact ids: streamed text, and the typed result at the end."""
TASK_SECONDS = 3600
TASKS_PER_OWNER = 200
STOP_SECONDS = 10.0
"""How long a cancelled function may take to end."""


class CallerUser(User):
    """A Caller as the SDK sees users; tasks belong to its name."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    @property
    def is_authenticated(self) -> bool:
        """Always: nobody passes the door otherwise."""
        return True

    @property
    def user_name(self) -> str:
        """Tenant and principal."""
        return self.caller.owner_key


class CallContexts(ServerCallContextBuilder):
    """Carries the door's Caller into the SDK."""

    def build(self, request: Request) -> ServerCallContext:
        """The call context of one HTTP request."""
        caller = request.scope.get("caller")
        if not isinstance(caller, Caller):
            raise UnauthenticatedError("the request came past the door; call through /a2a")
        return ServerCallContext(user=CallerUser(caller), state={"headers": dict(request.headers)})


def _caller(context: ServerCallContext) -> Caller:
    user = context.user
    if not isinstance(user, CallerUser):
        raise InvalidParamsError(message="the request has no caller")
    if context.tenant and context.tenant != user.caller.tenant:
        raise InvalidParamsError(message=f"tenant {context.tenant!r} is not the caller's; leave it out")
    return user.caller


class ContextTaskIds(IDGenerator):
    """Task ids that follow from the context id, so that a cancel can be sent before the first event came."""

    def generate(self, context: IDGeneratorContext) -> str:
        """The id of the task of a context."""
        return task_id(context.context_id) if context.context_id else str(uuid.uuid4())


class LiveTaskStore(TaskStore):
    """Tasks in `live`: an hour each, the last 200 of an owner."""

    def __init__(self, live: Live, agent: str) -> None:
        self._live = live
        self._agent = agent

    def _key(self, context: ServerCallContext, name: str = "") -> str:
        return f"a2a:{self._agent}:{context.user.user_name}:{name}"

    async def save(self, task: Task, context: ServerCallContext) -> None:
        """Keep a task."""
        await self._live.put(self._key(context, task.id), task.SerializeToString(), ttl_seconds=TASK_SECONDS)
        ids = await self._ids(context)
        if task.id not in ids:
            for dropped in ids[TASKS_PER_OWNER - 1 :]:
                await self._live.forget(self._key(context, dropped))
            kept = json.dumps([task.id, *ids[: TASKS_PER_OWNER - 1]]).encode()
            await self._live.put(self._key(context), kept, ttl_seconds=TASK_SECONDS)

    async def _ids(self, context: ServerCallContext) -> list[str]:
        held = await self._live.get(self._key(context))
        ids: list[str] = json.loads(held) if held else []
        return ids

    async def get(self, task_id: str, context: ServerCallContext) -> Task | None:
        """A task of this owner."""
        held = await self._live.get(self._key(context, task_id))
        return Task.FromString(held) if held else None

    async def list(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        """This owner's tasks, filtered and paged as the SDK does it."""
        view = InMemoryTaskStore(use_copying=False)
        for known in await self._ids(context):
            task = await self.get(known, context)
            if task is not None:
                await view.save(task, context)
        return await view.list(params, context)

    async def delete(self, task_id: str, context: ServerCallContext) -> None:
        """Forget a task."""
        await self._live.forget(self._key(context, task_id))


class SkillExecutor(AgentExecutor):
    """Runs the skill that a message names: short ones answer with a message, streaming ones with a task."""

    def __init__(self, agent: AgentServer) -> None:
        self._agent = agent
        self._at_work: dict[str, tuple[Stop, asyncio.Task[Any]]] = {}

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Do the work of one message."""
        caller = _caller(context.call_context)
        bound, raw = self._asked(context.message)
        if bound.spec.emits == "nothing":
            await self._answer(bound, raw, caller, context, event_queue)
        else:
            await self._stream(bound, raw, caller, context, event_queue)

    def _asked(self, message: A2AMessage | None) -> tuple[BoundSkill, dict[str, Any]]:
        """The skill and its input. A text alone goes to the agent's first skill, as its first text field."""
        if message is None:
            raise InvalidParamsError(message="the request has no message")
        skills = self._agent.skills.bound
        named = MessageToDict(message.metadata).get("skill")
        if named is not None and named not in skills:
            raise InvalidParamsError(message=f"no skill {named!r} here; choose one of {', '.join(skills)}")
        bound = skills[named] if named else next(iter(skills.values()))
        for part in message.parts:
            if part.HasField("data"):
                raw = MessageToDict(part.data)
                if not isinstance(raw, dict):
                    raise InvalidParamsError(message="the data part must be an object with the skill's input")
                return bound, raw
        text = "\n".join(part.text for part in message.parts if part.text)
        field = next((name for name, f in bound.spec.input.model_fields.items() if f.annotation is str), None)
        return bound, {field: text} if field and text else {}

    async def _answer(
        self, bound: BoundSkill, raw: dict[str, Any], caller: Caller, context: RequestContext, queue: EventQueue
    ) -> None:
        try:
            output = await self._agent.invoker.invoke(bound, raw, caller, key=context.context_id or "")
        except AgentRAGError as error:
            status = TaskStatus(state=TaskState.TASK_STATE_FAILED, message=_message(_error_parts(error), context))
            await queue.enqueue_event(Task(id=context.task_id, context_id=context.context_id, status=status))
            return
        await queue.enqueue_event(_message([new_data_part(output.model_dump(mode="json"))], context))

    async def _stream(
        self, bound: BoundSkill, raw: dict[str, Any], caller: Caller, context: RequestContext, queue: EventQueue
    ) -> None:
        task, ctx = context.task_id or "", context.context_id or ""
        submitted = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
        await queue.enqueue_event(Task(id=task, context_id=ctx, status=submitted))
        updater = TaskUpdater(queue, task, ctx)
        await updater.start_work()
        stop = Stop()
        work = asyncio.create_task(
            self._agent.invoker.invoke(bound, raw, caller, emit=_Artifacts(updater), key=ctx, stop=stop)
        )
        self._at_work[task] = (stop, work)
        try:
            output = await work
        except AgentRAGError as error:
            await updater.failed(updater.new_agent_message(_error_parts(error)))
            return
        except asyncio.CancelledError:
            if stop.reason == "cancelled":
                await asyncio.sleep(STOP_SECONDS)  # `cancel` says so now; then the SDK ends this
            raise
        finally:
            self._at_work.pop(task, None)
        await updater.add_artifact([new_data_part(output.model_dump(mode="json"))], RESULT, RESULT, last_chunk=True)
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Stop the work of a task, and say that it is cancelled once it has stopped."""
        if (held := self._at_work.get(context.task_id or "")) is not None:
            stop, work = held
            stop.reason = "cancelled"
            work.cancel()
            await asyncio.wait({work}, timeout=STOP_SECONDS)
        await TaskUpdater(event_queue, context.task_id or "", context.context_id or "").cancel()


class _Artifacts:
    """Turns tokens into pieces of the `answer` artifact and progress into working statuses."""

    def __init__(self, updater: TaskUpdater) -> None:
        self._updater = updater
        self._begun = False

    async def __call__(self, item: Token | Progress) -> None:
        if isinstance(item, Token):
            part = new_text_part(item.content)
            await self._updater.add_artifact([part], ANSWER, ANSWER, append=self._begun, last_chunk=False)
            self._begun = True
            return
        parts = [new_text_part(item.message), new_data_part(item.model_dump(mode="json"))]
        await self._updater.update_status(TaskState.TASK_STATE_WORKING, self._updater.new_agent_message(parts))


def _message(parts: list[Part], context: RequestContext) -> A2AMessage:
    return A2AMessage(role=Role.ROLE_AGENT, message_id=str(uuid.uuid4()), context_id=context.context_id, parts=parts)


def _error_parts(error: AgentRAGError) -> list[Part]:
    problem = error.problem(telemetry.trace_id())
    return [new_text_part(f"{error.title}: {error}"), new_data_part({"problem": problem.model_dump(mode="json")})]


def handler(agent: AgentServer, live: Live) -> DefaultRequestHandlerV2:
    """The SDK's request handler over an agent's skills."""
    return DefaultRequestHandlerV2(
        agent_executor=SkillExecutor(agent),
        task_store=LiveTaskStore(live, agent.name),
        agent_card=card.build(agent, "http://127.0.0.1"),
        request_context_builder=SimpleRequestContextBuilder(task_id_generator=ContextTaskIds()),
    )
