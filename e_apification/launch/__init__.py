"""`make run_api`: the API and its worker in the background, or in a container.

Takes settings; makes a running server and RUN_DIR/.cache/api.json.
Imported by nobody: `python -m e_apification.launch` runs it.
"""
