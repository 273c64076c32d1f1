"""Teacher, student and baselines against people's labels.

Takes a labeled CSV and answers to it; makes reports/evaluation.json, plots and a table.
Run by `python -m d_training.evaluation`; gate reads gold by it.
"""
