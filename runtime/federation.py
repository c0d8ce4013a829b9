"""The whole federation in one process: host and agents on one loopback socket, found through the data folder's lock."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from runtime import loopback
from runtime.backends import Backends
from runtime.errors import AgentUnavailableError, FolderInUseError, SettingsError
from runtime.ownership import OwnedError, Ownership, holder
from runtime.settings import Settings
from runtime.trust import authorities

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

    from runtime.agent import AgentServer

log = structlog.get_logger()

GROUP = "agentrag.agents"
"""Entry points of agents and host: functions `(settings, backends, addresses) -> AgentServer` by name."""
HOST = "orchestrator"
READY_SECONDS = 60.0


def factories() -> dict[str, Callable[..., AgentServer]]:
    """What is installed, by name; nothing is imported before it is called."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    if HOST not in found:
        raise SettingsError(f"the entry point {HOST!r} of group {GROUP!r} is missing; install the package again")
    return {name: _loader(point) for name, point in found.items()}


def _loader(point: Any) -> Callable[..., AgentServer]:
    def create(*args: Any, **kwargs: Any) -> AgentServer:
        made: AgentServer = point.load()(*args, **kwargs)
        return made

    return create


def settings_classes() -> dict[str, type[Settings]]:
    """The settings of every installed agent and of the host, by name; they lie beside what makes the agent."""
    found: dict[str, type[Settings]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        module = import_module(f"{point.module.rpartition('.')[0]}.settings")
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Settings) and kind.__module__ == module.__name__:
                found[point.name] = kind
    return found


def compose(base_url: str, settings: Settings) -> Starlette:
    """Host at `/`, each agent at `/agents/<name>/`, over one set of backends; the host is told where the agents are."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    made = factories()
    backends = Backends(settings)
    addresses = {name: f"{base_url}/agents/{name}" for name in made if name != HOST}
    agents = {name: made[name](backends=backends) for name in addresses}
    host = made[HOST](backends=backends, addresses=addresses)
    apps = {name: agent.app() for name, agent in agents.items()}
    host_app = host.app()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(backends.close)
            for app in (*apps.values(), host_app):
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    composed = Starlette(routes=[Mount(f"/agents/{name}", app=app) for name, app in apps.items()], lifespan=lifespan)
    composed.router.redirect_slashes = False
    composed.router.default = host_app  # all other paths, whatever characters they have
    return composed


class FolderLock:
    """Says who runs the federation of a data folder, and where."""

    def __init__(self, data: Path) -> None:
        self._path = data / "federation.lock"

    def address(self) -> str | None:
        """The address of the running federation, or None when none runs."""
        held = holder(self._path)
        return None if held is None else held.get("address")

    @asynccontextmanager
    async def held(self, address: str) -> AsyncIterator[None]:
        """Hold the lock and publish the address. Raises FolderInUseError with the address of the holder."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            owned = Ownership.take(self._path, address=address)
        except OwnedError as held:
            raise FolderInUseError(
                f"the data folder {self._path.parent} is served by process {held.facts.get('pid')} "
                f"at {held.facts.get('address')}; use that one, or choose another folder with --data"
            ) from None
        try:
            yield
        finally:
            owned.release()


def bound_socket(port: int) -> socket.socket:
    """A loopback socket; port 0 takes a free one. Raises SettingsError when the port is taken."""
    loopback.ensure_up()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets NODELAY by protocol
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise SettingsError(f"port {port} is taken ({error.strerror}); choose another one with --port") from error
    return listener


@asynccontextmanager
async def running(settings: Settings, port: int = 0) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    """The federation of the settings' data folder, serving; gives its base URL once it is ready to answer."""
    import uvicorn

    listener = bound_socket(port)
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with FolderLock(settings.data).held(base_url):
        config = uvicorn.Config(
            compose(base_url, settings), log_config=None, access_log=False, timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(_serve(server, listener))
        try:
            await _started(server, serving)
            await _ready(base_url)
            yield base_url, server
            if not server.should_exit:
                server.should_exit = True
            await serving
        finally:
            server.should_exit = True
            if not serving.done():
                await asyncio.wait([serving], timeout=10)


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until told to end. Raises SettingsError instead of ending the process when the apps do not start."""
    try:
        await server.serve(sockets=[listener])
    except SystemExit as error:
        raise SettingsError("the federation ended while it started; the log has the reason") from error


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            serving.result()
            raise SettingsError("the federation ended while it started; the log has the reason")
        await asyncio.sleep(0.02)


async def _ready(base_url: str) -> None:
    """Return once the host knows its agents. Raises AgentUnavailableError when that takes too long."""
    import httpx

    try:
        async with httpx.AsyncClient(trust_env=False, verify=authorities()) as client, asyncio.timeout(READY_SECONDS):
            while (found := await client.get(f"{base_url}/health/ready")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AgentUnavailableError(
            f"the agents were not ready within {READY_SECONDS:.0f} s: {found.text[:500]}; the log has the reason"
        ) from None


@asynccontextmanager
async def reached(settings: Settings) -> AsyncIterator[str]:
    """The base URL of the data folder's federation: the one that runs, or one for as long as this context."""
    address = FolderLock(settings.data).address()
    if address is not None:
        yield address
        return
    async with running(settings) as (base_url, _):
        yield base_url
