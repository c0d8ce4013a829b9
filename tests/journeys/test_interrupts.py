"""Ctrl-C in a terminal while a slow model writes: the run ends at the host too, and the model is hung up on."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chatting import BOUND, Reply, chatting
from tests.journeys.conftest import ingested
from tests.processes import AGENTRAG, free_port, process

pytestmark = pytest.mark.timeout(400)
NOTE = b"The valve opens at four bar. It closes again at three bar, and a lamp shows that it is shut."


async def test_ctrl_c_cancels_the_run_at_the_host_and_hangs_up_on_the_model(tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    base_url = f"http://127.0.0.1:{port}"
    async with chatting(Reply(["The valve ", "opens."], hangs=True)) as model:
        env = {
            "AGENTRAG_DATA": str(data),
            "AGENTRAG_ANSWERS_URL": f"openai:{model.url}",
            "AGENTRAG_ANSWERS_MODEL": "small",
            "OPENAI_API_KEY": "sk-none",
        }
        async with process(AGENTRAG, "up", "--port", str(port), output=tmp_path / "up.log", **env) as up:
            await up.answers(f"{base_url}/health/ready")
            async with httpx.AsyncClient(base_url=base_url, timeout=60, trust_env=False) as http:
                await ingested(http, "valve.txt", NOTE)
                query_id, code, err = await interrupted_question(data)
                run: dict[str, Any] = (await http.get(f"/v1/queries/{query_id}")).json()
            await asyncio.wait_for(model.hung_up.wait(), BOUND)
            await up.stop()
    assert (code, err) == (130, "")
    assert run["status"] == "cancelled"


async def interrupted_question(data: Path) -> tuple[str, int | None, str]:
    """Ask, press Ctrl-C at the first word of the answer; the run's id, the exit code and what stderr says."""
    asking = await asyncio.create_subprocess_exec(
        *(AGENTRAG, "ask", "When does the valve open?", "--stream", "--data", str(data)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert asking.stdout is not None
    query_id = ""
    async with asyncio.timeout(120):
        async for line in asking.stdout:
            event = json.loads(line)
            query_id = event.get("query_id", query_id)
            if event["event"] == "token":
                asking.send_signal(signal.SIGINT)
                break
        _, err = await asking.communicate()
    return query_id, asking.returncode, err.decode()
