"""Requests a second: the original design's server and this project's, under the same load."""
