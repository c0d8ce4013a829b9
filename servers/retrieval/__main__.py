"""Start the retrieval agent."""

from runtime.process import run
from servers.retrieval.server import create_agent

run(create_agent())
