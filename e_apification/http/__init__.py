"""What every request passes: ids, keys, rates, bounded bodies, one shape of errors.

Takes ASGI requests; makes checked payloads or refusals.
Imported by uploads, api and server; imports model and monitoring.
"""
