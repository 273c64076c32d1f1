"""One small file a group of routes; each reads the app's state and calls what does the work."""
