"""reports/index.html: one page about a run.

Takes whatever the run folder holds; makes one self-contained page.
Imported by nobody: `python -m d_training.report` runs it.
"""
