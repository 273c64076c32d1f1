"""Labeling and training on a busy machine: threads that sleep while they wait, or spin."""
