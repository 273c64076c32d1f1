"""The narrow columns of a source by declared rules: ids, directions and dates; no text is read.

Takes data/raw/messages; makes typed arrays, and says of each column what could not be read.
Imported by threading, quality and the stage; imports common alone.
"""
