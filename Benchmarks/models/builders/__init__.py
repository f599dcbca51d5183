"""Writes the benchmark models from the model definitions of Keras and torchvision, with fixed seeds."""
