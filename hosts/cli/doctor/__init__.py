"""The doctor: one file for each thing that is examined, each with rules that decide and a function that looks."""
