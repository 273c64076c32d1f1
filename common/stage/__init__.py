"""How a stage runs: plan, staging folder, manifest, publication by rename.

Takes a build function; makes a published folder with manifest.json.
Imported by everybody; imports errors and locks alone.
"""
