"""The search for better training settings.

Takes data/labeled; makes models/studies.db and reports/tuning.
Imported by the stage and report; imports data, fine_tuning and cards' plot style.
"""
