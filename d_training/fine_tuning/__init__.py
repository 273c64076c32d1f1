"""The training loop.

Takes rows and a checkpoint; makes a trained student, snapshots and event files.
Imported by export, held_out, tuning and the stage; imports data.
"""
