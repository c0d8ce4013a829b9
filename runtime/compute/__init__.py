"""Where heavy work runs: threads for what releases the interpreter, child processes for what must not take us down."""
