"""Prepares ONNX graphs: makes any inner tensor an output, and removes what is not needed for it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def cut_graph(path: Path, names: Sequence[str], given: str = "") -> tuple[bytes, Path]:
    """The part of the graph in ``path`` that makes these tensors, which become its outputs; and the folder that the
    places of its weights outside it are relative to. A tensor ``given``, float32 of four axes, becomes the input, and
    what makes it is left out.

    ONNX Runtime works out every output of a graph, asked for or not, and wants every input: what lies behind the layer
    taken (a classifier, or the other half of a CLIP) costs time and memory until it is cut off. Weights kept beside
    the file stay there, unread. Raises ValueError for a tensor that isn't there, and for weights outside the folder.
    """
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    graph = model.graph
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output}
    inputs = {entry.name for entry in graph.input}
    for name in names:
        if name not in makers.keys() | inputs:
            raise ValueError(f"there is no tensor {name!r} in it")
    nodes, used = _needed(graph, names, {name: i for name, i in makers.items() if name != given})
    known = {entry.name: type(entry).FromString(entry.SerializeToString()) for entry in graph.output}
    known |= {entry.name: entry for entry in graph.value_info if entry.name in names}
    _drop(graph.node, lambda i, _: i not in nodes)
    _drop(graph.initializer, lambda _, tensor: tensor.name not in used)
    _drop(graph.input, lambda _, entry: entry.name not in used)
    if given:
        graph.input.append(onnx.helper.make_tensor_value_info(given, onnx.TensorProto.FLOAT, ["n", "c", "h", "w"]))
    del graph.output[:]
    graph.output.extend(known.get(name, onnx.ValueInfoProto(name=name)) for name in dict.fromkeys(names))
    folder = _find_weights(graph, path.parent)
    return bytes(model.SerializeToString()), folder


_POOLS = ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")


def find_map(path: Path, names: Sequence[str]) -> str | None:
    """The last feature map of a graph: the tensor that these are all made of, before the last pooling over a whole
    picture. None if there is no such pooling, as in a transformer."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output}
    nodes, _ = _needed(graph, names, makers)
    readers = Counter(name for i in nodes for name in set(_reads(graph.node[i])))
    waiting = {entry.name for entry in graph.input} - {tensor.name for tensor in graph.initializer}
    only = found = None
    for node in (graph.node[i] for i in sorted(nodes)):
        read = waiting & set(_reads(node))  # made of the picture, and still to be read
        if not read:
            continue
        if node.op_type in _POOLS or _is_pooling(node, graph):
            found = only
        readers.subtract(read)
        waiting = {name for name in waiting if readers[name] > 0 or name in names} | {*node.output}
        only = next(iter(waiting)) if len(waiting) == 1 else only
    return found


def cell_grid(path: Path, map: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the cells of a feature map lie: for rows and for columns the middle of the first, and the step to the next,
    in pixels of the picture. They are not spread evenly over it: padding that is not the same on both sides, as
    TensorFlow's, moves them by up to half a cell."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    makers = {name: node for node in graph.node for name in node.output}
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    layers = []
    while map in makers:
        layers.append(makers[map])
        map = makers[map].input[0]  # of two branches that are added, either: they lie over each other
    found = []
    for axis in (0, 1):
        middle, step = 0.5, 1.0
        for node in reversed(layers):
            if node.op_type in ("Conv", "MaxPool", "AveragePool"):
                more, stride = _moved(node, shapes, axis)
                middle, step = middle + step * more, step * stride
        found.append((middle, step))
    return found[0], found[1]


def _moved(node: onnx.NodeProto, shapes: Mapping[str, Sequence[int]], axis: int) -> tuple[float, int]:
    """How far the middle of the first cell lies from that of the cells before, in their steps; and the stride."""
    import onnx

    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    kernel = (given.get("kernel_shape") or shapes.get(node.input[1], [1] * 4)[2:])[axis]
    stride, dilation = given.get("strides", [1, 1])[axis], given.get("dilations", [1, 1])[axis]
    same = given.get("auto_pad", b"").startswith(b"SAME")
    pad = max(0, kernel - stride) // 2 if same else given.get("pads", [0] * 4)[axis]
    return dilation * (kernel - 1) / 2 - pad, stride


def _is_pooling(node: onnx.NodeProto, graph: onnx.GraphProto) -> bool:
    """Whether a node takes the mean over the last two of four axes."""
    import onnx

    if node.op_type != "ReduceMean":
        return False
    axes = [onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == "axes"]
    made = {tensor.name: tensor for tensor in graph.initializer}
    made |= {n.output[0]: a.t for n in graph.node if n.op_type == "Constant" for a in n.attribute if a.name == "value"}
    axes += [onnx.numpy_helper.to_array(made[name]).tolist() for name in node.input[1:] if name in made]
    return any(sorted(axis % 4 for axis in found) == [2, 3] for found in axes)


def _drop(values: Any, unwanted: Callable[[int, Any], bool]) -> None:
    """In place: a copy of the weights would take as much memory again."""
    for i in reversed(range(len(values))):
        if unwanted(i, values[i]):
            del values[i]


def _find_weights(graph: onnx.GraphProto, folder: Path) -> Path:
    """Make the places of weights outside the graph those of the files themselves: the hub's cache holds links to them
    in a folder of its own, and ONNX Runtime follows none that lead out of the folder it is told."""
    places = [
        entry
        for tensor in graph.initializer
        if tensor.data_location == tensor.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    ]
    for entry in places:
        if PurePath(entry.value).is_absolute() or ".." in PurePath(entry.value).parts:
            raise ValueError(f"its weights are to come from {entry.value!r}, outside its folder")
    found = [(folder / entry.value).resolve() for entry in places]
    root = Path(os.path.commonpath([file.parent for file in found])) if found else folder
    for entry, file in zip(places, found, strict=True):
        entry.value = file.relative_to(root).as_posix()
    return root


def _needed(graph: onnx.GraphProto, names: Sequence[str], makers: dict[str, int]) -> tuple[set[int], set[str]]:
    """The nodes that make these tensors, by their places, and every tensor they use."""
    nodes: set[int] = set()
    used: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in used:
            continue
        used.add(name)
        place = makers.get(name)
        if place is not None and place not in nodes:
            nodes.add(place)
            waiting.extend(_reads(graph.node[place]))
    return nodes, used


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """The tensors a node reads, also from within the branches and loops it holds."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for child in inner.node:
                yield from _reads(child)
            yield from (output.name for output in inner.output)
