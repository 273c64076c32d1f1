"""Stage e: serve the production model over HTTP and score files in bulk."""
