"""Files scored inside Spark.

Takes a table of texts and the production model; makes the same table with labels.
Run by `python -m e_apification score`; imports model.
"""
