"""Server processes: start, drain, stop.

Takes an application; makes processes that listen on one port.
Imported by the stage's command line; imports api.
"""
