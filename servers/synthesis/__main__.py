"""Start the synthesis agent."""

from runtime.process import run
from servers.synthesis.server import create_agent

run(create_agent())
