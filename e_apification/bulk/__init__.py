"""Files and curated messages scored inside Spark.

Takes a table of texts, or data/curated, and the production model; makes the same with labels, and
the shares of the labels.
Run by `python -m e_apification score`; imports model.
"""
