"""The chain: what `make`, `make pipeline`, `make smoke`, `make evaluate` and `make score` call.

Takes settings; checks all files of a command, runs the stages as processes, sums up.
Imported by nobody; imports common alone, since stages meet at files on disk.
"""
