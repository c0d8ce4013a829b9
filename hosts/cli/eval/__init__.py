"""Evaluation: ask the federation what people ask it, for many questions at once, and write down what it says."""
