"""Texts labeled by the teacher: which, in shards that a kill spares, and what is known before.

Takes curated and synthetic messages, and a teacher; makes labels.
Imported by the stage, by gold, and by benchmarks.
"""
