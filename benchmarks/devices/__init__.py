"""Texts a second of each model that a profile may run, on the CPU and on a GPU."""
