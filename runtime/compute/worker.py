"""The main loop inside a child process: requests come in on stdin, replies leave on stdout, limits hold in between."""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any

from runtime import frames
from runtime.compute.contract import Frame, Limits
from runtime.errors import AgentRAGError

REPLY, DONE, PROBLEM, RAISED, OUT_OF_MEMORY = "reply", "done", "problem", "raised", "out of memory"
"""Kinds of frames a child sends, each as `[kind, body]`."""

DETAIL_CHARS = 500
"""Characters of an unexpected exception's message that are passed on."""

_OUT_OF_MEMORY = frames.encode([OUT_OF_MEMORY, None])  # made while there is memory
_PR_SET_PDEATHSIG = 1


def arguments(limits: Limits) -> list[str]:
    """Command line that tells a child its limits."""
    return [str(limits.memory_mb), str(limits.cpu_seconds)]


def serve(handler: Callable[[Frame], Iterator[Frame]]) -> None:
    """Answer requests with `handler` until the parent closes stdin; call it before anything heavy is imported.

    Limits come from the command line; a module started by hand without them gets the defaults. Whatever libraries
    print goes to stderr. An AgentRAGError of the handler reaches the parent as the same class, and the loop goes on.
    """
    requests, replies = _take_over_pipes()
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    given = [int(word) for word in sys.argv[1:3]]
    limits = Limits(*given) if len(given) == 2 else Limits()
    _bound(resource.RLIMIT_CORE, 0)
    if limits.memory_mb:
        _bound(resource.RLIMIT_AS, limits.memory_mb * 1024 * 1024)
    with suppress(EOFError, BrokenPipeError):
        while True:
            request = frames.read_blocking(requests)
            _allow_cpu(limits.cpu_seconds)
            _answer(handler, request, replies)


def _answer(handler: Callable[[Frame], Iterator[Frame]], request: Frame, replies: IO[bytes]) -> None:
    try:
        for reply in handler(request):
            frames.write_blocking(replies, [REPLY, dict(reply)])
        frames.write_blocking(replies, [DONE, None])
    except MemoryError:
        # Whatever was cut short may be broken: say so and leave without another allocation.
        os.write(replies.fileno(), _OUT_OF_MEMORY)
        os._exit(1)
    except BrokenPipeError:
        raise
    except AgentRAGError as error:
        frames.write_blocking(replies, [PROBLEM, error.problem().model_dump(mode="json")])
    except Exception as error:  # the parent is told of every fault, and the next request may fare better
        frames.write_blocking(replies, [RAISED, _described(error)])


def _described(error: Exception) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "detail": str(error)[:DETAIL_CHARS],
        "where": "".join(traceback.format_tb(error.__traceback__)),
    }


def _take_over_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep stdin and stdout for frames; for all others stdin is empty and stdout is stderr."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def _die_with_parent() -> None:
    """Have the kernel end this process when the parent is killed, even in the middle of work (Linux).

    Elsewhere the closed stdin ends it after the request at hand.
    """
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died in between
        os._exit(1)


def _bound(kind: int, most: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(kind, (most, most))


def _allow_cpu(seconds: int) -> None:
    """Give the next request its share of processor time; the kernel counts from the start of the process."""
    if not seconds:
        return
    spent = resource.getrusage(resource.RUSAGE_SELF)
    most = int(spent.ru_utime + spent.ru_stime) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
