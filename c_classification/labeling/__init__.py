"""Which texts the teacher reads, and what it need not read again.

Takes texts, a teacher and its earlier labels; makes labels.
Imported by the stage, and by gold.
"""
