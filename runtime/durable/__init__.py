"""Work that outlives the process: workflows as generators, journaled step by step."""
