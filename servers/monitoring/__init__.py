"""The monitoring agent: reports from the records what was used, how long it took and how the federation is."""
