"""How fast messages are labeled, beside the design that this project replaces."""
