"""Model card, data card and plots.

Takes metrics.json; makes models/cards/<model_id>.
Imported by the stage; evaluation, report and tuning take its plot style and tables.
"""
