"""The state of a training on disk, after each epoch, from which a killed training continues."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from imagefinder._util.files import write_whole
from imagefinder.errors import InvalidInputError, ModelError, StorageError

FILE = "checkpoint.pt"


def save_checkpoint(folder: Path, facts: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the state, completely or not at all. ``facts`` are JSON and describe what is trained. Raises
    StorageError."""
    buffer = io.BytesIO()
    torch.save({"facts": facts, **state}, buffer)
    write_whole(folder / FILE, buffer.getvalue())


def load_checkpoint(folder: Path, facts: dict[str, Any], device: torch.device) -> dict[str, Any] | None:
    """What ``save_checkpoint`` wrote; None if there is nothing.

    Raises ModelError if it can't be read, and InvalidInputError if it belongs to another training than ``facts``
    describe.
    """
    path = folder / FILE
    if not path.exists():
        return None
    again = f"Start over with --restart, which forgets it, or give this training another --name. It is {path}."
    try:
        # Without pickle's code: a checkpoint is data, whoever wrote it.
        state = torch.load(path, map_location=device, weights_only=True)
        found = state.pop("facts")
    except Exception as error:  # torch, zipfile and pickle each raise their own
        what = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(f"The checkpoint of the interrupted training can't be read: {what}", remedy=again) from error
    differing = sorted(name for name in {*found, *facts} if found.get(name) != facts.get(name))
    if differing:
        shown = ", ".join(f"{name} {_short(found.get(name))}, now {_short(facts.get(name))}" for name in differing)
        raise InvalidInputError(f"An interrupted training of this name had {shown}.", remedy=again)
    return dict(state)


def forget_checkpoint(folder: Path) -> None:
    """Remove it, so that the training starts again. Raises StorageError."""
    try:
        (folder / FILE).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{folder / FILE} can't be removed: {error.strerror or error}.") from error


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:37] + "..."
