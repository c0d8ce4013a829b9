"""What is true only now: streams of running work, caches, locks. Losing it loses no data."""
