"""Reads the text in a picture with RapidOCR, whose package carries the models: PP-OCR by PaddlePaddle, Apache-2.0."""

from __future__ import annotations

import os
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.extras import require
from imagefinder.errors import ModelError
from imagefinder.ocr.strokes import parts_with_letters
from imagefinder.ocr.words import Box, Text, reading_order, split_line

if TYPE_CHECKING:
    from PIL.Image import Image

LOOKED_AT = 800  # pixels of the long side at which a picture is searched for text at first
LONG_SIDE = 1280  # pixels at which it is read
SURE = 0.6  # the least mean confidence of a line that is kept, from 0 to 1
LEAST = 2  # letters and digits of a text; a single one is mostly something else


class Reader:
    """Reads pictures. Each call takes one core; calls of several threads go on at once. Raises MissingExtraError where
    RapidOCR is not installed, and ModelError where its models are missing: none is ever fetched."""

    def __init__(self) -> None:
        require("ocr", what="Reading the text in pictures")
        self.name = f"rapidocr {version('rapidocr')}"
        self._models = _models()

    def has_text(self, picture: Image) -> bool:
        """Whether a picture seems to have text, by a reduced copy: rows of strokes that may be letters, which takes
        some ms, are shown to the detector of text. It sees little more than these rows, so that a picture without text
        costs a fraction of what all of it would."""
        small = _reduced(picture, LOOKED_AT)
        return any(
            self._finder(np.ascontiguousarray(small[top:bottom, left:right])).boxes is not None
            for left, top, right, bottom in parts_with_letters(small)
        )

    def read(self, picture: Image) -> Text:
        """The text in an RGB picture, upright, on its side or upside down; empty where there is none."""
        pixels = _reduced(picture, LONG_SIDE)
        engine = self._reader
        inner, changes = engine.preprocess_img(pixels)
        lines, turns, texts, crops = engine.run_ocr_steps(inner, changes)
        over = np.array([label == "180" and score > engine.text_cls.cls_thresh for label, score in turns.cls_res or ()])
        if over.any():  # the boxes of such a line's characters are counted from the corner where it begins
            lines.boxes[over] = lines.boxes[over][:, [2, 3, 0, 1]]
        found = engine.build_final_output(pixels, lines, turns, texts, crops, changes)
        if not getattr(found, "txts", None):
            return Text()
        chars = found.word_results if len(found.word_results) == len(found.txts) else [()] * len(found.txts)
        words = [
            split_line(text, [_box(char[2]) for char in some], _box(box))
            for text, box, some in zip(found.txts, found.boxes, chars, strict=True)
        ]
        height, width = pixels.shape[:2]
        text = Text.of((words[i] for i in reading_order(found.boxes, over=bool(over.mean() > 0.5))), width, height)
        return text if sum(map(str.isalnum, text.text)) >= LEAST else Text()

    @cached_property
    def _finder(self) -> Any:
        return self._engine({"Global.use_cls": False, "Global.use_rec": False, "Det.limit_side_len": LOOKED_AT})

    @cached_property
    def _reader(self) -> Any:
        return self._engine(
            {
                "Global.text_score": SURE,
                "Global.return_word_box": True,
                "Global.return_single_char_box": True,
                "Det.limit_side_len": LONG_SIDE,
            }
        )

    def _engine(self, settings: dict[str, Any]) -> Any:
        from rapidocr import RapidOCR

        shared = {
            "Global.log_level": "critical",
            "Det.limit_type": "max",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
        paths = {f"{part}.model_path": str(path) for part, path in self._models.items()}
        return RapidOCR(params={**shared, **paths, **settings})


def _models() -> dict[str, Path]:
    """The models that the package carries, named one by one: for what is not named it would go to the network."""
    from importlib.util import find_spec

    spec = find_spec("rapidocr")
    folder = Path(os.path.dirname(spec.origin if spec and spec.origin else "")) / "models"
    found = {part: sorted(folder.glob(f"*_{part.lower()}_*.onnx")) for part in ("Det", "Cls", "Rec")}
    if missing := [part for part, paths in found.items() if not paths]:
        raise ModelError(
            f"{folder} lacks models of RapidOCR ({', '.join(missing)}).",
            remedy="Install it again: pip install --force-reinstall rapidocr",
        )
    return {part: paths[0] for part, paths in found.items()}


def _reduced(picture: Image, long_side: int) -> np.ndarray:
    """The picture's pixels as the models want them, uint8 (height, width, 3) in the order BGR, no side longer."""
    import cv2

    pixels = np.asarray(picture)
    scale = long_side / max(pixels.shape[:2])
    if scale < 1:
        size = [max(1, round(scale * side)) for side in (pixels.shape[1], pixels.shape[0])]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _box(corners: Any) -> Box:
    points = np.asarray(corners, np.float64).reshape(-1, 2)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom
