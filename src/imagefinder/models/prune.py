"""ONNX graphs before they are run: any tensor inside as an output, and nothing that isn't needed for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def cut_graph(path: Path, names: Sequence[str]) -> bytes:
    """The part of the graph in ``path`` that makes these tensors, which become its outputs.

    ONNX Runtime works out every output of a graph, asked for or not, and wants every input: what lies behind the layer
    taken (a classifier, or the other half of a CLIP) costs time and memory until it is cut off. Weights kept beside
    the file stay there, unread. Raises ValueError for a tensor that isn't there.
    """
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    graph = model.graph
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output}
    inputs = {entry.name for entry in graph.input}
    for name in names:
        if name not in makers.keys() | inputs:
            raise ValueError(f"there is no tensor {name!r} in it")
    nodes, used = _needed(graph, names, makers)
    kept = [graph.node[i] for i in sorted(nodes)]
    weights = [tensor for tensor in graph.initializer if tensor.name in used]
    entries = [entry for entry in graph.input if entry.name in used]
    known = {entry.name: entry for entry in (*graph.value_info, *graph.output)}
    outputs = [known.get(name, onnx.ValueInfoProto(name=name)) for name in dict.fromkeys(names)]
    for field, values in (("node", kept), ("initializer", weights), ("input", entries), ("output", outputs)):
        copies = [type(value).FromString(value.SerializeToString()) for value in values]
        graph.ClearField(field)
        getattr(graph, field).extend(copies)
    return bytes(model.SerializeToString())


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
