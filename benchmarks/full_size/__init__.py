"""The whole chain at the size of the real data, with small stand-ins for the weights."""
