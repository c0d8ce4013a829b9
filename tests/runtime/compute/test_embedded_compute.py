"""Functions run in threads, untrusted work in children that stay within their limits."""

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import aclosing
from pathlib import Path

import pytest

from runtime.compute.contract import Limits
from runtime.compute.embedded import EmbeddedCompute, death, environment
from runtime.errors import ChildError, LostChildError, UnreadableDocumentError

HERE = Path(__file__).parent
MODULE = "child_of_tests"
ROOMY = Limits(memory_mb=1024, cpu_seconds=60, wall_seconds=60.0)


@pytest.fixture
async def compute(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    compute = EmbeddedCompute()
    yield compute
    await compute.close()


async def answers(child, **request):
    return [reply async for reply in child.ask(request)]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def gone(pid: int, seconds: float = 20.0) -> bool:
    async with asyncio.timeout(seconds):
        while is_running(pid):
            await asyncio.sleep(0.02)
    return True


async def test_a_function_runs_in_another_thread_with_the_callers_context(compute):
    asked_by = contextvars.ContextVar("asked_by")
    asked_by.set("owner")
    thread, who = await compute.run(lambda: (threading.get_ident(), asked_by.get()))
    assert thread != threading.get_ident()
    assert who == "owner"


async def test_a_child_answers_many_requests_in_one_process(compute):
    child = compute.child(MODULE, ROOMY)
    first = await answers(child, do="count", to=3)
    second = await answers(child, do="count", to=1)
    assert [reply["number"] for reply in first] == [0, 1, 2]
    assert {reply["pid"] for reply in first + second} == {child.pid}
    assert child.pid != os.getpid()


async def test_requests_that_come_together_take_turns(compute):
    child = compute.child(MODULE, ROOMY)
    both = await asyncio.gather(answers(child, do="count", to=50), answers(child, do="count", to=50))
    assert [[reply["number"] for reply in replies] for replies in both] == [list(range(50))] * 2


async def test_what_libraries_print_does_not_touch_the_replies(compute):
    child = compute.child(MODULE, ROOMY)
    assert await answers(child, do="print") == [{"stdin": ""}]
    assert len(await answers(child, do="count", to=2)) == 2


async def test_a_child_sees_no_secret_of_the_environment(compute, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("AGENTRAG_INTERNAL_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    [reply] = await answers(compute.child(MODULE, ROOMY), do="environment")
    assert not {"OPENAI_API_KEY", "AGENTRAG_INTERNAL_KEY", "AWS_SECRET_ACCESS_KEY"} & set(reply["names"])
    assert "PATH" in reply["names"]


async def test_a_typed_error_crosses_as_itself_and_the_child_lives_on(compute):
    child = compute.child(MODULE, ROOMY)
    with pytest.raises(UnreadableDocumentError, match="page 3 is torn") as caught:
        await answers(child, do="refuse")
    assert caught.value.flaws[0].pointer == "/page"
    pid = child.pid
    assert (await answers(child, do="count", to=1))[0]["pid"] == pid


async def test_any_other_exception_is_told_by_its_name(compute):
    with pytest.raises(ChildError, match="ZeroDivisionError: oh no"):
        await answers(compute.child(MODULE, ROOMY), do="trip")


async def test_a_child_that_hoards_memory_is_told_its_limit_and_starts_anew(compute):
    child = compute.child(MODULE, Limits(memory_mb=256, cpu_seconds=60, wall_seconds=60.0))
    with pytest.raises(ChildError, match="256 MB of memory") as caught:
        await answers(child, do="hoard")
    assert not caught.value.retryable
    assert len(await answers(child, do="count", to=2)) == 2


async def test_a_child_that_spins_is_ended_by_its_processor_limit(compute):
    child = compute.child(MODULE, Limits(memory_mb=512, cpu_seconds=1, wall_seconds=60.0))
    with pytest.raises(ChildError, match="1 s of processor time"):
        await answers(child, do="spin")


async def test_the_processor_limit_is_for_each_request(compute):
    child = compute.child(MODULE, Limits(memory_mb=512, cpu_seconds=1, wall_seconds=60.0))
    pids = {(await answers(child, do="work", seconds=0.6))[0]["pid"] for _ in range(4)}
    assert pids == {child.pid}


async def test_a_child_that_hangs_is_ended_by_the_wall_limit(compute):
    child = compute.child(MODULE, Limits(memory_mb=512, cpu_seconds=60, wall_seconds=0.5))
    with pytest.raises(ChildError, match=r"0\.5 s for one request"):
        await answers(child, do="sleep")
    assert child.pid is None


async def test_time_that_the_reader_takes_is_not_held_against_the_child(compute):
    child = compute.child(MODULE, Limits(memory_mb=512, cpu_seconds=60, wall_seconds=3.0))
    async with aclosing(child.ask({"do": "count", "to": 2})) as replies:
        await anext(replies)
        await asyncio.sleep(3.2)
        assert (await anext(replies))["number"] == 1


async def test_a_child_killed_from_outside_can_be_asked_again(compute):
    child = compute.child(MODULE, ROOMY)
    with pytest.raises(LostChildError, match="SIGKILL") as caught:
        await answers(child, do="die", by="SIGKILL")
    assert caught.value.retryable
    assert len(await answers(child, do="count", to=2)) == 2


async def test_a_child_that_was_killed_while_idle_starts_anew(compute):
    child = compute.child(MODULE, ROOMY)
    await answers(child, do="count", to=1)
    pid = child.pid
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while child.pid is not None:
            await asyncio.sleep(0.02)
    assert (await answers(child, do="count", to=1))[0]["pid"] != pid


@pytest.mark.parametrize(
    ("request_", "said"), [({"do": "die", "by": "SIGSEGV"}, "SIGSEGV"), ({"do": "leave"}, "code 7")]
)
async def test_a_crash_names_how_the_child_went(compute, request_, said):
    with pytest.raises(ChildError, match=said) as caught:
        await answers(compute.child(MODULE, ROOMY), **request_)
    assert not caught.value.retryable


async def test_leaving_early_ends_the_child(compute):
    child = compute.child(MODULE, ROOMY)
    async with aclosing(child.ask({"do": "sleep"})) as replies:
        pid = (await anext(replies))["pid"]
    assert await gone(pid)
    assert len(await answers(child, do="count", to=1)) == 1


async def test_cancelling_ends_the_child(compute):
    child = compute.child(MODULE, ROOMY)
    began = asyncio.Event()
    pids = []

    async def listen():
        async for reply in child.ask({"do": "sleep"}):
            pids.append(reply["pid"])
            began.set()

    task = asyncio.create_task(listen())
    await asyncio.wait_for(began.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pids[0])


async def test_closing_ends_every_child_and_refuses_more(compute):
    child = compute.child(MODULE, ROOMY)
    [reply] = await answers(child, do="count", to=1)
    await compute.close()
    assert await gone(reply["pid"])
    with pytest.raises(ChildError, match="closed"):
        await answers(child, do="count", to=1)


async def test_a_module_that_does_not_exist_is_an_error_and_not_a_hang(compute):
    with pytest.raises(ChildError, match="exit code 1"):
        await answers(compute.child("no_such_module_anywhere", ROOMY), do="count", to=1)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's own")
async def test_a_busy_child_dies_with_a_parent_that_is_killed():
    script = textwrap.dedent("""
        import asyncio
        from runtime.compute.contract import Limits
        from runtime.compute.embedded import EmbeddedCompute

        async def main():
            child = EmbeddedCompute().child("child_of_tests", Limits(512, 60, 60.0))
            async for reply in child.ask({"do": "spin"}):
                print(reply["pid"], flush=True)

        asyncio.run(main())
    """)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment)
    try:
        pid = int(await asyncio.wait_for(asyncio.to_thread(parent.stdout.readline), 30))
        assert is_running(pid)
    finally:
        parent.kill()
        parent.wait(20)
        parent.stdout.close()
    assert await gone(pid)


async def test_an_answer_to_ping_needs_a_thread(compute):
    await compute.ping()
    await compute.close()
    with pytest.raises(RuntimeError):
        await compute.ping()


def test_memory_that_a_library_could_not_get_is_named_as_the_limit():
    limits = Limits(memory_mb=300)
    error = death("parser", -signal.SIGABRT, limits, b"terminate called after throwing 'std::bad_alloc'")
    assert "300 MB of memory" in str(error)


def test_the_environment_keeps_only_what_is_listed():
    kept = environment({"HOME": "/home/a", "TOKEN": "x"}, ["/lib", "relative"])
    assert kept["HOME"] == "/home/a"
    assert "TOKEN" not in kept
    assert all(os.path.isabs(folder) for folder in kept["PYTHONPATH"].split(os.pathsep))
