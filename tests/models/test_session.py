"""Graphs cut to a layer, batches that don't fit, providers that don't start, and files that are not what they should
be."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnx_graphs
import onnxruntime
import pytest

from imagefinder.errors import InvalidInputError, ModelError
from imagefinder.models import providers
from imagefinder.models.onnx import OnnxEmbedder
from imagefinder.models.session import Session

RNG = np.random.default_rng(0)
W = {name: RNG.normal(size=(6, 6)).astype(np.float32) for name in ("w1", "w2", "w3")}
X = RNG.normal(size=(7, 6)).astype(np.float32)


def layers(rows: int | str = "n") -> onnx.ModelProto:
    """Three layers one after the other; the first two have no output of their own. A second input is only for the
    last."""
    return onnx_graphs.graph(
        {"x": ("FLOAT", (rows, 6)), "late": ("FLOAT", (rows, 6))},
        [
            ("MatMul", ["x", "w1"], ["one"], {}),
            ("MatMul", ["one", "w2"], ["two"], {}),
            ("MatMul", ["two", "w3"], ["raw"], {}),
            ("Add", ["raw", "late"], ["three"], {}),
        ],
        {"three": ("FLOAT", (rows, 6))},
        W,
    )


@pytest.fixture(autouse=True)
def _auto() -> Iterator[None]:
    yield
    providers.prefer("auto")


@pytest.mark.parametrize("external", [False, True])
def test_a_layer_inside_is_taken_out_and_what_lies_behind_it_cut_off(tmp_path: Path, external: bool) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(layers(), path, save_as_external_data=external, location="model.onnx_data", size_threshold=0)
    assert (tmp_path / "model.onnx_data").exists() == external
    session = Session(path, outputs=("two", "one"), threads=1)
    assert list(session.inputs) == ["x"] and session.outputs == ["two", "one"]
    two, one = session.run(["two", "one"], {"x": X})
    np.testing.assert_allclose(one, X @ W["w1"], rtol=1e-5)
    np.testing.assert_allclose(two, X @ W["w1"] @ W["w2"], rtol=1e-4)


@pytest.mark.skipif(sys.platform == "win32", reason="makes symbolic links")
@pytest.mark.parametrize("outputs", [(), ("two",)])
def test_the_weights_may_be_links_as_in_the_hub_s_cache(tmp_path: Path, outputs: tuple[str, ...]) -> None:
    snapshot, blobs = tmp_path / "snapshots" / "onnx", tmp_path / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    onnx.save(layers(), snapshot / "model.onnx", save_as_external_data=True, location="data", size_threshold=0)
    for name in ("model.onnx", "data"):
        (snapshot / name).rename(blobs / f"{name}-blob")
        (snapshot / name).symlink_to(blobs / f"{name}-blob")
    session = Session(snapshot / "model.onnx", outputs=outputs, threads=1)
    assert session.outputs == list(outputs or ["three"])


def test_weights_elsewhere_on_the_disk_are_not_read(tmp_path: Path) -> None:
    model = layers()
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="data", size_threshold=0)
    loaded = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    loaded.graph.initializer[0].external_data[0].value = "../secret"
    (tmp_path / "model.onnx").write_bytes(loaded.SerializeToString())
    for outputs in ((), ("two",)):
        with pytest.raises(ModelError, match=r"model\.onnx"):
            Session(tmp_path / "model.onnx", outputs=outputs)


def test_what_branches_read_is_kept(tmp_path: Path) -> None:
    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["one", "w2"], ["inner"])],
        "b",
        [],
        [onnx.helper.make_tensor_value_info("inner", onnx.TensorProto.FLOAT, None)],
    )
    other = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["one"], ["same"])],
        "b",
        [],
        [onnx.helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, None)],
    )
    made = onnx_graphs.graph(
        {"x": ("FLOAT", ("n", 6))},
        [
            ("MatMul", ["x", "w1"], ["one"], {}),
            ("If", ["yes"], ["two"], {"then_branch": branch, "else_branch": other}),
            ("MatMul", ["two", "w3"], ["three"], {}),
        ],
        {"three": ("FLOAT", None)},
        {**W, "yes": np.array(True)},
    )
    onnx.save(made, tmp_path / "model.onnx")
    found = Session(tmp_path / "model.onnx", outputs=("two",)).run(["two"], {"x": X})[0]
    np.testing.assert_allclose(found, X @ W["w1"] @ W["w2"], rtol=1e-4)


def test_a_tensor_that_is_not_there_is_named(tmp_path: Path) -> None:
    onnx.save(layers(), tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="no tensor 'block5_pool'"):
        Session(tmp_path / "model.onnx", outputs=("block5_pool",))


@pytest.mark.parametrize("rows", [1, 3, 7, 8])
def test_a_graph_of_fixed_rows_takes_any_number(tmp_path: Path, rows: int) -> None:
    onnx.save(layers(rows), tmp_path / "model.onnx")
    session = Session(tmp_path / "model.onnx", threads=1)
    found = session.run(["three"], {"x": X, "late": X})[0]
    np.testing.assert_allclose(found, X @ W["w1"] @ W["w2"] @ W["w3"] + X, rtol=1e-4, atol=1e-5)


class Small:
    """Stands for a session whose memory holds ``most`` rows."""

    def __init__(self, session: Any, most: int, error: Exception) -> None:
        self._session, self._most, self._error = session, most, error
        self.sizes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, outputs: list[str], inputs: dict[str, np.ndarray]) -> Any:
        self.sizes.append(len(inputs["x"]))
        if self.sizes[-1] > self._most:
            raise self._error
        return self._session.run(outputs, inputs)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 999"),
        RuntimeError("CUDA failure 2: out of memory ; GPU=0"),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"),
        RuntimeError("Available memory of 5 is smaller than requested bytes of 9"),
        RuntimeError("E_OUTOFMEMORY 8007000E"),
        RuntimeError("std::bad_alloc: bad allocation"),
    ],
    ids=str,
)
def test_a_batch_too_large_is_halved_and_the_size_remembered(tmp_path: Path, error: Exception) -> None:
    onnx.save(layers(), tmp_path / "model.onnx")
    session = Session(tmp_path / "model.onnx", threads=1)
    small = session._session = Small(session._session, 2, error)
    expected = X @ W["w1"] @ W["w2"] @ W["w3"] + X
    for _ in range(2):
        np.testing.assert_allclose(session.run(["three"], {"x": X, "late": X})[0], expected, rtol=1e-4, atol=1e-5)
    assert small.sizes == [7, 3, 1, *[1] * 6, *[1] * 7]


def test_one_row_too_many_is_said(tmp_path: Path) -> None:
    onnx.save(layers(), tmp_path / "model.onnx")
    session = Session(tmp_path / "model.onnx")
    session._session = Small(session._session, 0, MemoryError())
    with pytest.raises(ModelError, match="not enough memory") as caught:
        session.run(["three"], {"x": X, "late": X})
    assert "smaller model" in caught.value.remedy


LIMITED = """
import re, resource, sys
import numpy as np
import numpy.testing  # which NumPy else imports late, within the limit
from imagefinder.models.session import Session
session = Session(__import__("pathlib").Path(sys.argv[1]), threads=1)
x = np.random.default_rng(0).normal(size=(128, 3, 96, 96)).astype(np.float32)
expected = np.concatenate([session.run(["y"], {"x": row[None]})[0] for row in x])
used = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read()).group(1)) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 150 * 2**20,) * 2)
found = session.run(["y"], {"x": x})[0]
np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
print(session._most)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux lets one")
def test_a_process_of_little_memory_gets_through(tmp_path: Path) -> None:
    """The whole batch needs 300 MB for one layer; 150 are left."""
    made = onnx_graphs.graph(
        {"x": ("FLOAT", ("n", 3, 96, 96))},
        [("Conv", ["x", "w"], ["c"], {}), ("Relu", ["c"], ["r"], {}), ("GlobalAveragePool", ["r"], ["y"], {})],
        {"y": ("FLOAT", None)},
        {"w": RNG.normal(size=(64, 3, 3, 3)).astype(np.float32)},
    )
    onnx.save(made, tmp_path / "model.onnx")
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "model.onnx")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 1 <= int(done.stdout) < 128


class Providers:
    """Stands for an onnxruntime with other wheels. ``broken`` ones raise when a session is opened, ``silent`` ones are
    left out without a word, ``late`` ones raise when it runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str, **how: str) -> None:
        self.how = how
        self.opened: list[tuple[list[str], Any]] = []
        self._open = onnxruntime.InferenceSession
        self.running = self.most = 0
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*names, providers.CPU])
        monkeypatch.setattr(onnxruntime, "InferenceSession", self.open)

    def open(self, model: Any, options: Any, providers: list[Any]) -> Any:
        names = [name if isinstance(name, str) else name[0] for name in providers]
        self.opened.append((names, options))
        if self.how.get("broken") == names[0]:
            raise RuntimeError(f"{names[0]} is not there")
        session = self._open(model, options, providers=["CPUExecutionProvider"])
        if self.how.get("silent") == names[0]:
            return session
        return SimpleNamespace(
            get_inputs=session.get_inputs,
            get_outputs=session.get_outputs,
            get_providers=lambda: names,
            run=lambda outputs, inputs: self.run(session, names[0], outputs, inputs),
        )

    def run(self, session: Any, name: str, outputs: Any, inputs: Any) -> Any:
        if self.how.get("late") == name:
            raise RuntimeError("CUDNN_STATUS_NOT_INITIALIZED")
        self.running += 1
        self.most = max(self.most, self.running)
        time.sleep(0.002)
        found = session.run(outputs, inputs)
        self.running -= 1
        return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    onnx.save(layers(), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (("TensorrtExecutionProvider", "CUDAExecutionProvider"), "CUDAExecutionProvider"),
        (("OpenVINOExecutionProvider",), "OpenVINOExecutionProvider"),
        (("ROCMExecutionProvider", "MIGraphXExecutionProvider"), "MIGraphXExecutionProvider"),
        (("CoreMLExecutionProvider", "AzureExecutionProvider"), "CoreMLExecutionProvider"),
        (("DmlExecutionProvider",), "DmlExecutionProvider"),
        ((), providers.CPU),
    ],
)
def test_the_best_provider_there_is_is_taken(
    model: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], chosen: str
) -> None:
    made = Providers(monkeypatch, *there)
    session = Session(model)
    assert session.provider == chosen
    assert made.opened[0][0] == ([chosen, providers.CPU] if there else [providers.CPU])
    assert session.run(["three"], {"x": X, "late": X})[0].shape == (7, 6)


@pytest.mark.parametrize("name", ["model.int8.onnx", "model_quantized.onnx", "model_q4f16.onnx"])
def test_integers_are_not_cut_to_pieces(model: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    Providers(monkeypatch, "CoreMLExecutionProvider")
    assert Session(model.rename(model.with_name(name))).provider == providers.CPU


def test_a_preference_wins(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Providers(monkeypatch, "TensorrtExecutionProvider", "CUDAExecutionProvider")
    providers.prefer("TensorRT")
    assert Session(model).provider == "TensorrtExecutionProvider"
    providers.prefer("cpu")
    assert Session(model).provider == providers.CPU


def test_a_preference_that_cannot_be_met_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Providers(monkeypatch, "OpenVINOExecutionProvider")
    with pytest.raises(InvalidInputError, match="it has openvino, cpu") as caught:
        providers.prefer("cuda")
    assert "onnxruntime-gpu" in caught.value.remedy
    with pytest.raises(InvalidInputError, match=r"no provider 'abacus'.*directml"):
        providers.prefer("abacus")


@pytest.mark.parametrize("how", ["broken", "silent", "late"])
def test_a_provider_that_fails_gives_way_with_a_notice(
    model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    Providers(monkeypatch, "CUDAExecutionProvider", **{how: "CUDAExecutionProvider"})
    with caplog.at_level(logging.WARNING, "imagefinder.models"):
        session = Session(model)
        found = session.run(["three"], {"x": X, "late": X})[0]
    assert found.shape == (7, 6) and session.provider == providers.CPU
    assert "CUDAExecutionProvider can't run model.onnx, the CPU does" in caplog.text


def test_directml_runs_one_batch_at_a_time(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Providers(monkeypatch, "DmlExecutionProvider")
    session = Session(model)
    options = made.opened[0][1]
    assert not options.enable_mem_pattern and options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    barrier = threading.Barrier(4)

    def run(_: int) -> None:
        barrier.wait()
        session.run(["three"], {"x": X, "late": X})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert made.most == 1


def pictures(folder: Path, node: onnx_graphs.Node, output: str = "FLOAT", **changes: Any) -> OnnxEmbedder:
    """A model of pictures of 8 pixels whose one node makes y of x; ``given`` changes the input."""
    kind, shape = changes.pop("given", ("FLOAT", ("n", 3, 8, 8)))
    weights = {"w": RNG.normal(size=(4, 3, 8, 8)).astype(np.float32), "nan": np.float32([np.nan])}
    made = onnx_graphs.graph({"x": (kind, shape)}, [node], {"y": (output, None)}, weights)
    onnx.save(made, folder / "model.onnx")
    return OnnxEmbedder(onnx_graphs.spec(folder, **changes), threads=1)


PIXELS = RNG.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
IMAGE = {"file": "model.onnx", "outputs": {"image": "y"}}
CONV: onnx_graphs.Node = ("Conv", ["x", "w"], ["y"], {})


def test_a_model_made_by_hand_gives_what_it_should(tmp_path: Path) -> None:
    embedder = pictures(tmp_path, CONV)
    w = onnx.numpy_helper.to_array(onnx.load(tmp_path / "model.onnx").graph.initializer[0])
    expected = np.einsum("nhwc,dchw->nd", PIXELS / 255, w)
    np.testing.assert_allclose(embedder.embed_images(PIXELS)["image"], expected, rtol=1e-4, atol=1e-5)


def test_pictures_for_others_models_are_decoded_finer_than_they_look(tmp_path: Path) -> None:
    """What ``transformers`` is given was decoded in full."""
    assert pictures(tmp_path, CONV).short_side == 16
    edge = {"resize": "shortest_edge", "size": [8, 8], "edge": 10}
    assert pictures(tmp_path, CONV, preprocess=edge).short_side == 20
    assert pictures(tmp_path, CONV, preprocess={"resize": "half_squash", "size": [8, 8]}).short_side == 8


def test_a_graph_of_16_bits_gets_them(tmp_path: Path) -> None:
    node: onnx_graphs.Node = ("ReduceMean", ["x"], ["y"], {"axes": [2, 3], "keepdims": 0})
    spaces = {"image": {"dim": 3, "transform": "pca"}}
    embedder = pictures(tmp_path, node, "FLOAT16", given=("FLOAT16", ("n", 3, 8, 8)), spaces=spaces)
    found = embedder.embed_images(PIXELS)["image"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, PIXELS.mean(axis=(1, 2)) / 255, atol=2e-3)


@pytest.mark.parametrize(
    ("match", "node", "how"),
    [
        ("dimensions", CONV, {"spaces": {"image": {"dim": 5, "transform": "pca"}}}),
        ("pooling", ("Identity", ["x"], ["y"], {}), {}),
        ("NaN", ("Mul", ["x", "nan"], ["y"], {}), {"image": IMAGE | {"pooling": "max"}}),
        ("one input for pictures", ("Identity", ["x"], ["y"], {}), {"given": ("FLOAT", ("n", 192))}),
        (r"\[2, 3, 8, 8\]", CONV, {"given": ("FLOAT", ("n", 3, 16, 16))}),
        (r"\[2, 3, 8, 8\]", CONV, {"given": ("FLOAT", ("n", 8, 8, 3))}),
        ("no input 'pixels'", CONV, {"image": IMAGE | {"input": "pixels"}}),
        ("takes uint8", ("Cast", ["x"], ["y"], {"to": onnx.TensorProto.FLOAT}), {"given": ("UINT8", ("n", 3, 8, 8))}),
        ("instead of numbers", ("Cast", ["x"], ["y"], {"to": onnx.TensorProto.STRING}), {"output": "STRING"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_model_that_does_not_fit_its_description_is_named(
    tmp_path: Path, match: str, node: onnx_graphs.Node, how: dict[str, Any]
) -> None:
    embedder = pictures(tmp_path, node, how.pop("output", "FLOAT"), **how)
    with pytest.raises(ModelError, match=match):
        embedder.embed_images(PIXELS)
