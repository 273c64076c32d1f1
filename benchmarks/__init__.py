"""Peers and this project, side by side in the same run.  python -m benchmarks"""
