"""Columns: which of a table's columns a command needs, and what each means.

Takes header names; makes places and roles. Landing, cleaning, bulk scoring and reading import it.
"""
