"""The teacher: a label schema and weights in, soft labels of texts out.

Takes settings, labels file and checkpoints; makes exported models in RUN_DIR/.cache and scores.
Imported by the stage and all other rooms of it; imports common alone.
"""
