"""What the trainings of teachers and students have in common.

Takes lengths, losses and weights; makes batches, learning rates and steps of AdamW.
Imported by c_classification.teacher and d_training.fine_tuning.
"""
