"""The embedded NLI teacher: a LoRA adapter over the MiniLM wheel, and its training script."""
