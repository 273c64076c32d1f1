"""May this model take the place of the one that serves?

Takes two model folders; makes models/verdicts/<model_id>.json, a table, a promotion.
Imported by the stage; imports data, evaluation and tracking.
"""
