// The ONNX module.
