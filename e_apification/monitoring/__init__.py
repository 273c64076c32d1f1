"""What is counted: Prometheus metrics and drift.

Takes requests and predictions; makes counters and distances, keeps no text.
Imported by http, api and server; imports model.
"""
