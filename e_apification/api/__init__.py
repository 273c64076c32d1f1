"""The application: routes, OpenAPI, the model switch.

Takes settings; makes a FastAPI application.
Imported by server; imports every room but launch and bulk.
"""
