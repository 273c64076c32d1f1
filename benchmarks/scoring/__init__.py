"""Messages a second of bulk scoring, with and without start-up."""
