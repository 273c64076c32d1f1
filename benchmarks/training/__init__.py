"""Training: the obvious way of fine-tuning, and this project, on the same texts."""
