"""reports/labels.html: a page to judge the weak labels by.

Takes data/labeled; makes one self-contained page.
Imported by the stage's command line alone.
"""
