"""The citation agent: ties sentences of answers to the words of the pages that support them, and shows those pages."""
