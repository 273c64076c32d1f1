"""How the served student does on texts it never trained on, against its teacher.

Takes held-out rows and probabilities; makes the figures of metrics.json.
Imported by the stage; imports data.
"""
