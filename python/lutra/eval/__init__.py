"""Measures a compiled model against onnxruntime on the same ONNX file. See `python -m lutra.eval --help`."""
