"""Files and rows that people send.

Takes CSV, ZIP and JSON bodies; makes checked rows and figures.
Imported by api; imports http and model.
"""
