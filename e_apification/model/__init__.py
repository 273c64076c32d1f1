"""The production model in memory: raw texts in, predictions out.

Takes a verified model folder; makes predictions off the event loop, within limits.
Imported by every other room; imports common alone, and nothing of torch or pandas.
"""
