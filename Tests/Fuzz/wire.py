"""Messages of ONNX as trees: lists of [field, wire type, value], read and written by the names of their kinds."""

# Kind of message: its fields that hold messages.
SCHEMA = {
    "model": {7: "graph", 8: "opset", 25: "function"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value"},
    "function": {7: "node", 9: "opset"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "value": {2: "type"},
    "type": {1: "tensor_type", 4: "sequence_type", 9: "sequence_type"},
    "sequence_type": {1: "type"},
    "tensor_type": {2: "shape"},
    "shape": {1: "dimension"},
    "tensor": {},
    "opset": {},
    "dimension": {},
}


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def parse(data, kind):
    fields, at = [], 0
    while at < len(data):
        key, at = read_varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = read_varint(data, at)
        elif wire == 2:
            count, at = read_varint(data, at)
            value, at = data[at : at + count], at + count
            inner = SCHEMA[kind].get(field)
            if inner:
                value = parse(value, inner)
        else:
            count = {1: 8, 5: 4}[wire]
            value, at = data[at : at + count], at + count
        fields.append([field, wire, value])
    return fields


def serialize(fields):
    out = bytearray()
    for field, wire, value in fields:
        out += varint(field << 3 | wire)
        if wire == 0:
            out += varint(value)
        elif wire == 2:
            inner = serialize(value) if isinstance(value, list) else value
            out += varint(len(inner)) + inner
        else:
            out += value
    return bytes(out)


def messages(fields, kind):
    """All messages of a tree with their kinds, the root first."""
    found = [(fields, kind)]
    for field, wire, value in fields:
        if isinstance(value, list):
            found += messages(value, SCHEMA[kind][field])
    return found
