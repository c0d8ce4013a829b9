"""Serve the citation agent over HTTP."""

from runtime.process import run
from servers.citation.server import create_agent

run(create_agent())
