"""`agentrag openapi`: the OpenAPI document of the HTTP API, without starting anything."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from hosts.cli.console import Console, Exit
from runtime.errors import InvalidInputError


async def openapi(
    *,
    out: Annotated[Path | None, Parameter(help="File to write it to; stdout by default.")] = None,
) -> Exit:
    """Print the OpenAPI 3.2 document of the HTTP API, as a running host serves it at /openapi.json."""
    text = json.dumps(await document(), ensure_ascii=False, indent=2)
    if out is None:
        Console().data(text)
        return Exit.OK
    try:
        out.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{out} cannot be written: {error.strerror}; choose another file with --out") from error
    Console().say(f"The document is in {out}.")
    return Exit.OK


async def document() -> Any:
    """What the installed host says of itself: it is asked in this process, with nothing opened and no agents."""
    import httpx

    from runtime.backends import Backends
    from runtime.federation import HOST, factories
    from runtime.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        host = factories()[HOST](backends=Backends(Settings(data=Path(folder))))
        transport = httpx.ASGITransport(host.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            answer = await http.get("/openapi.json")
    return answer.raise_for_status().json()
