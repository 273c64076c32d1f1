"""How fast messages are labelled, beside the design that this project replaces."""
