"""Settings: one file a section, layers of which the later wins, the shared command line.

Takes conf/*.yaml, .env, environment and --set; makes one frozen Settings.
Imported by everybody; imports errors and log alone.
"""
