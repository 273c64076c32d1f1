"""Cleaning a dump: the original design's Spark job and this project's first two stages."""
