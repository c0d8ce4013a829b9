"""The import table is law: who may import whom, and which product's SDK lives in which file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "schemas": {"schemas"},
    "prompts": {"prompts", "schemas"},
    "runtime": {"runtime", "prompts", "schemas"},
    "servers": {"runtime", "prompts", "schemas"},
    "hosts": {"runtime", "prompts", "schemas"},
}
"""Top-level packages by who imports them; a server or host also imports itself, never a sibling."""

OUTSIDE = {
    "schemas": {"pydantic"},
    "prompts": {"pydantic", "yaml"},
}
"""Third-party packages that the lowest layers may use."""

MCP_FACE = (
    "runtime/tools.py",
    "runtime/content.py",
    "runtime/passed.py",
    "runtime/federated.py",
    "runtime/mcp_bodies.py",
)
MCP_WIRE = ("runtime/relay.py", "runtime/gateway.py")
ONE_PLACE = {
    "sqlalchemy": ("runtime/records/",),
    "aiosqlite": ("runtime/records/", "runtime/durable/"),
    "alembic": ("runtime/records/",),
    "qdrant_edge": ("runtime/vectors/",),
    "qdrant_client": ("runtime/vectors/qdrant.py",),
    "obstore": ("runtime/blobs/",),
    "onnx": ("runtime/models/minilm.py",),
    "onnxruntime": ("runtime/models/embedded.py",),
    "tokenizers": ("runtime/models/embedded.py",),
    "agents": ("runtime/models/",),
    "openai": ("runtime/models/",),
    "pypdfium2": ("runtime/pdfium.py",),
    "ray": ("runtime/compute/ray.py",),
    "dapr": ("runtime/durable/dapr.py",),
    "redis": ("runtime/live/redis.py",),
    "fastmcp": MCP_FACE,
    "mcp": (*MCP_FACE, *MCP_WIRE, "hosts/cli/mcp/mirrors.py"),
    "mcp_types": (*MCP_FACE, *MCP_WIRE),
    "httpx2": ("runtime/models/openai.py",),
    "h11": ("runtime/wire.py", "runtime/relay.py"),
    "a2a": ("runtime/tasks.py", "runtime/card.py", "runtime/client.py", "runtime/agent.py"),
}
"""Where a product's SDK may be imported (beyond annotations)."""

HEAVY = (
    "agents", "openai", "ray", "dapr", "redis", "qdrant_client", "qdrant_edge", "onnx", "onnxruntime",
    "alembic", "pypdfium2", "PIL", "docx", "bs4", "numpy", "fastmcp_tasks", "torch",
)  # fmt: skip
"""Not loaded before they are used. (SQLAlchemy is missing here: the A2A SDK loads it wherever it is installed.)"""


def sources() -> list[Path]:
    return [path for layer in MAY_IMPORT for path in sorted((ROOT / layer).rglob("*.py"))]


def imported(tree: ast.Module, *, annotations: bool) -> set[str]:
    """Dotted names that a module imports; those under `if TYPE_CHECKING` only when `annotations`."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not annotations:
            skipped.update(inner for child in node.body for inner in ast.walk(child))
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", sources(), ids=place)
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    layer, sibling = (*path.relative_to(ROOT).parts, "")[:2]
    for name in imported(ast.parse(path.read_text()), annotations=True):
        top, _, rest = name.partition(".")
        if top not in MAY_IMPORT:
            allowed = OUTSIDE.get(layer)
            assert allowed is None or top in allowed | sys.stdlib_module_names, f"{place(path)} imports {name}"
            continue
        own = top == layer and (layer in MAY_IMPORT[layer] or rest.split(".")[0] == sibling)
        assert top in MAY_IMPORT[layer] or own, f"{place(path)} imports {name}"


@pytest.mark.parametrize("path", sources(), ids=place)
def test_a_products_sdk_stays_in_its_adapter(path: Path) -> None:
    for name in imported(ast.parse(path.read_text()), annotations=False):
        homes = ONE_PLACE.get(name.partition(".")[0])
        assert homes is None or place(path).startswith(homes), f"{place(path)} imports {name}"


@pytest.mark.parametrize("path", sources(), ids=place)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400, f"{place(path)} has more than 400 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 80, f"{place(path)}: {node.name} has {length} lines"


@pytest.mark.parametrize("name", ["retrieval", "ingestion", "synthesis", "citation", "monitoring"])
def test_the_five_servers_have_the_same_shape(name: str) -> None:
    files = {path.name for path in (ROOT / "servers" / name).iterdir()}
    assert {"__init__.py", "__main__.py", "settings.py", "server.py"} <= files


def loaded_by(code: str) -> set[str]:
    """Top-level packages in memory after running `code` in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", ["retrieval", "ingestion", "synthesis", "citation", "monitoring"])
def test_building_an_agent_loads_nothing_heavy(name: str) -> None:
    built = loaded_by(
        f"from servers.{name}.server import create_agent\n"
        "import tempfile, pathlib\n"
        "import os\n"
        "os.environ['AGENTRAG_DATA'] = tempfile.mkdtemp()\n"
        "create_agent().app()"
    )
    assert not built & set(HEAVY)


def test_building_the_host_loads_nothing_heavy() -> None:
    built = loaded_by(
        "import os, tempfile\n"
        "os.environ['AGENTRAG_DATA'] = tempfile.mkdtemp()\n"
        "from hosts.orchestrator.app import create_host\n"
        "create_host().app()"
    )
    assert not built & set(HEAVY)


def test_importing_a_server_module_loads_neither_protocol_sdk() -> None:
    assert not loaded_by("import servers.retrieval.server") & {"fastmcp", "a2a", "mcp", *HEAVY}
