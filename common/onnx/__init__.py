"""Models as ONNX: export, quantisation, inference; checkpoints and their weights.

Takes checkpoints; makes ONNX files and a session that scores texts.
Imported by classification, training and serving; imports stage.
"""
