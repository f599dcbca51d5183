"""Names of an ONNX graph's inputs, outputs and batch dimension."""


def rename(proto, inputs, outputs):
    """Gives inputs and outputs their names, and every batch dimension the name N."""
    graph = proto.graph
    names = {value.name: name for value, name in zip(graph.input, inputs, strict=True)}
    names |= {value.name: name for value, name in zip(graph.output, outputs, strict=True)}
    taken = {name for node in graph.node for name in (*node.input, *node.output)} - set(names)
    if clash := taken & set(names.values()):
        raise ValueError(f"inner tensors have the names {sorted(clash)} already")
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        batch = value.type.tensor_type.shape.dim[0]
        batch.Clear()
        batch.dim_param = "N"
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    # Shapes inside may still name the old batch dimension.
    del graph.value_info[:]
