"""Start the host alone: `python -m hosts.orchestrator`."""

from hosts.orchestrator.app import create_host
from runtime.process import run

if __name__ == "__main__":
    run(create_host())
