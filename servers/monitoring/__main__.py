"""Start the monitoring agent."""

from runtime.process import run
from servers.monitoring.server import create_agent

run(create_agent())
