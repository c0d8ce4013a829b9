"""Start the ingestion agent."""

from runtime.process import run
from servers.ingestion.server import create_agent

run(create_agent())
