"""How the tables came to be, one file a change in versions/; never edit one that was released."""
