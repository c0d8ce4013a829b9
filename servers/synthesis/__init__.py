"""The synthesis agent: turns a question and the chunks found for it into an answer whose sentences carry `[n]`."""
