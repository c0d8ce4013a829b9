"""Ingest a document in a process that kills itself.

`python killed_ingestion.py <data folder> <doc id> <backend> <method> <times>`
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from schemas.skills import Ingest
from servers.ingestion import actor, server
from servers.ingestion.settings import IngestionSettings


class Fatal:
    """Passes all calls on; the process is killed right after the n-th call of one method has done its work."""

    def __init__(self, inner, method: str, times: int) -> None:
        self._inner = inner
        self._method = method
        self._times = times

    def __getattr__(self, name: str):
        found = getattr(self._inner, name)
        if name != self._method:
            return found

        async def last(*args, **kwargs):
            result = await found(*args, **kwargs)
            self._times -= 1
            if self._times == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return last


def dress(on: Backends, where: str, method: str, times: int) -> None:
    holder, _, name = f"on.{where}".rpartition(".")
    owner = on.records if holder.endswith("records") else on
    setattr(owner, name, Fatal(getattr(owner, name), method, times))


async def main(data: Path, doc_id: str, where: str, method: str, times: int) -> None:
    settings = IngestionSettings(data=data, embedding_batch_chunks=8, _env_file=None)
    on = Backends(settings)
    await on.open(("vectors", "records", "blobs", "compute", "embedder"))
    dress(on, where, method, times)
    async with actor.running(on, settings):
        await server.ingest(Ingest(doc_id=doc_id), Call(Caller.owner(), on))


if __name__ == "__main__":
    folder, document, place, call, count = sys.argv[1:]
    asyncio.run(main(Path(folder), document, place, call, int(count)))
