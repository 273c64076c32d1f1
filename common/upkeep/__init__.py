"""What a person does to a RUN_DIR as a whole: clean it, prune it, back it up, restore it.

Takes RUN_DIR; makes room on the disk, or a copy.
Imported by no other room; imports config, stage, tracking and models.
"""
