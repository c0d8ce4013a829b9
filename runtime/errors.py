"""One tree of errors; each class says its code, its HTTP status and whether a retry can help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.problem import Flaw, Problem


class AgentRAGError(Exception):
    """Something a caller can be told. The message names the value, the limit and the remedy."""

    code = "internal"
    title = "Internal error"
    http_status = 500
    retryable = False

    def __init__(self, message: str, *, flaws: Sequence[Flaw] = (), retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.flaws = tuple(flaws)
        self.retry_after_s = retry_after_s

    def problem(self, trace_id: str = "") -> Problem:
        """Word this error for the wire."""
        from schemas.problem import Problem  # late: processes that read files and never fail need no schemas

        return Problem(
            type=f"urn:agentrag:problem:{self.code}",
            title=self.title,
            status=self.http_status,
            detail=str(self),
            code=self.code,
            retryable=self.retryable,
            trace_id=trace_id,
            errors=self.flaws,
        )


class InternalError(AgentRAGError):
    """A fault of ours; the log has the details under the trace id, the caller does not."""


class InvalidInputError(AgentRAGError):
    """The request breaks the contract."""

    code, title, http_status = "request.invalid", "Invalid request", 422


class MalformedRequestError(InvalidInputError):
    """The body cannot be parsed at all."""

    code, title, http_status = "request.malformed", "Malformed request", 400


class KeyReusedError(InvalidInputError):
    """An Idempotency-Key came again with another request."""

    code, title = "request.key_reused", "Idempotency-Key used for another request"


class UnauthenticatedError(AgentRAGError):
    """Nobody vouches for this caller."""

    code, title, http_status = "auth.required", "Authentication required", 401


class ForbiddenError(AgentRAGError):
    """The caller is known and may not do this."""

    code, title, http_status = "auth.forbidden", "Not allowed", 403


class NotFoundError(AgentRAGError):
    """There is no such thing for this caller."""

    code, title, http_status = "not_found", "Not found", 404


class MethodNotAllowedError(AgentRAGError):
    """The path is there, and this method is not."""

    code, title, http_status = "request.method", "Method not allowed", 405


class ConflictError(AgentRAGError):
    """The thing is in a state that rules this out."""

    code, title, http_status = "conflict", "Conflict", 409


class InProgressError(ConflictError):
    """The same request, by its Idempotency-Key, is being worked on."""

    code, title, retryable = "request.in_progress", "Already being worked on", True


class CancelledByUserError(ConflictError):
    """The work was stopped because somebody asked for it."""

    code, title = "cancelled", "Cancelled"


class StaleError(AgentRAGError):
    """The thing is no longer what the caller has seen of it."""

    code, title, http_status = "precondition.failed", "Changed meanwhile", 412


class TooLargeError(AgentRAGError):
    """The body or file is larger than the limit."""

    code, title, http_status = "request.too_large", "Too large", 413


class UnsupportedMediaError(AgentRAGError):
    """The file is of a kind that cannot be read."""

    code, title, http_status = "document.unsupported", "Unsupported file type", 415


class UnreadableDocumentError(AgentRAGError):
    """The file is of a known kind and still cannot be read."""

    code, title, http_status = "document.unreadable", "Unreadable document", 422


class QuotaError(AgentRAGError):
    """The tenant has used up what its plan allows."""

    code, title, http_status = "tenant.quota", "Quota used up", 429


class RateLimitError(AgentRAGError):
    """One user asks too often."""

    code, title, http_status, retryable = "request.rate", "Too many requests", 429, True


class SettingsError(AgentRAGError):
    """A setting cannot work; raised at start."""

    code, title = "settings.invalid", "Invalid setting"


class FolderInUseError(SettingsError):
    """Another process owns the data folder."""

    code, title, http_status = "data.in_use", "Data folder in use", 409


class FingerprintError(AgentRAGError):
    """The index was built with another model; its vectors do not mix with these."""

    code, title, http_status = "index.fingerprint", "Index built with another model", 409


class ModelUnavailableError(AgentRAGError):
    """The model cannot be loaded or reached."""

    code, title, http_status, retryable = "model.unavailable", "Model unavailable", 503, True


class ModelMissingError(ModelUnavailableError):
    """What the model is made of is not on this machine, or damaged; only its user can bring it."""

    code, title, retryable = "model.missing", "Model not installed", False


class AgentUnavailableError(AgentRAGError):
    """An agent of the federation is down."""

    code, title, http_status, retryable = "agent.unavailable", "Agent unavailable", 503, True


class StreamLostError(AgentRAGError):
    """A reader asks for events that are no longer held, or fell so far behind that it missed some."""

    code, title, http_status, retryable = "stream.lost", "Events lost", 410, True


class StoreUnavailableError(AgentRAGError):
    """A backend does not answer."""

    code, title, http_status, retryable = "store.unavailable", "Store unavailable", 503, True


class ChildError(AgentRAGError):
    """A child process died, ran out of a limit, or raised."""

    code, title = "child.failed", "Child process failed"


class LostChildError(ChildError):
    """A child was killed from outside, by no limit of its own; the same work may succeed next time."""

    code, title, http_status, retryable = "child.lost", "Child process lost", 503, True


class DeadlineError(AgentRAGError):
    """The work did not end within its time."""

    code, title, http_status, retryable = "deadline", "Out of time", 504, True


def _tree(root: type[AgentRAGError]) -> dict[str, type[AgentRAGError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def from_problem(problem: Problem) -> AgentRAGError:
    """Raiseable form of a problem that came over the wire, of the class that its code names."""
    kind = _tree(AgentRAGError).get(problem.code, InternalError)
    return kind(problem.detail, flaws=problem.errors)
