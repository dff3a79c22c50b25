"""The training loop: epochs, early stopping, checkpoints, and errors."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imagefinder.errors import InvalidInputError, ModelError
from imagefinder.training.torch.backbones import Normalisation
from imagefinder.training.torch.checkpoint import load_checkpoint, save_checkpoint
from imagefinder.training.torch.pictures import Pictures, changed, generator, shuffled
from imagefinder.types import OnProgress, Progress

Extras = Callable[[list[int]], dict[str, Tensor]]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    ``lr`` is the learning rate of new layers; the layers of the encoder, which are trained already, get a tenth of it.
    It rises during the first 5% of the steps, and then falls to zero along a cosine. The training stops after
    ``patience`` epochs without a better loss on the images held out; the weights of the best epoch are used.
    """

    epochs: int = 20
    batch: int = 32
    lr: float = 1e-3
    patience: int = 4
    weight_decay: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 1), ("patience", 1)):
            if getattr(self, name) < least:
                raise InvalidInputError(f"{name} must be {least} or more; got {getattr(self, name)}.")
        if not 0 < self.lr < 10:
            raise InvalidInputError(f"lr must be above 0 and below 10; got {self.lr}.")


@dataclass
class Fitted:
    """The result of a training: for each epoch the mean ``losses``, of the training and of the images held out, by
    name; ``best``, the epoch whose weights the network has now, counted from 1; ``resumed``, the number of epochs that
    an interrupted run had done before."""

    history: list[dict[str, dict[str, float]]]
    best: int
    resumed: int
    device: str
    precision: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Fit:
    """Trains a network that has a method ``losses``; see ``networks``. At the end, the network has the weights of the
    best epoch.

    Random numbers depend only on the seed and the epoch, so a training that was killed and resumed gives the same
    weights as one that was not.
    """

    def __init__(self, network: Any, pictures: Pictures, normalise: Normalisation, extras: Extras) -> None:
        self.network = network
        self.pictures = pictures
        self.normalise = normalise
        self.extras = extras
        self.device = next(network.parameters()).device

    def run(
        self,
        train: Sequence[int],
        held: Sequence[int],
        schedule: Schedule,
        folder: Path,
        *,
        facts: dict[str, Any],
        progress: OnProgress | None = None,
    ) -> Fitted:
        """Train on the rows ``train``, and measure on the rows ``held``; both are rows of ``pictures``.

        ``folder`` is that of the checkpoint, and ``facts`` describe what is trained. Raises ModelError if the loss is
        not a number, InvalidInputError and StorageError.
        """
        steps = -(-len(train) // schedule.batch)
        self._prepare(schedule, steps)
        state = load_checkpoint(folder, {**facts, **asdict(schedule)}, self.device)
        history, best, weights = self._restored(state) if state else ([], 0, self._weights())
        resumed = len(history)
        for epoch in range(resumed + 1, schedule.epochs + 1):
            if epoch - best > schedule.patience:
                break
            report = _reporter(progress, epoch, schedule.epochs, len(train))
            try:
                losses = self._epoch(shuffled(train, schedule.seed, epoch), schedule, epoch, report)
                history.append({"train": losses, "held": self._judge(held, schedule.batch)})
            except torch.OutOfMemoryError as error:
                raise ModelError(
                    f"The memory of the {self.device.type} is too small for batches of {schedule.batch} pictures.",
                    remedy="Train with a smaller --batch, which needs --restart, or a smaller --size.",
                ) from error
            self._check(history, epoch, folder)
            if epoch == 1 or history[-1]["held"]["loss"] < history[best - 1]["held"]["loss"]:
                best, weights = epoch, self._weights()
            save_checkpoint(
                folder,
                {**facts, **asdict(schedule)},
                {
                    "network": self._weights(),
                    "best_network": weights,
                    "best": best,
                    "history": history,
                    **self._tools(),
                },
            )
        self._load(weights)
        return Fitted(history, best, resumed, self.device.type, str(self.precision).removeprefix("torch."))

    # --- inside ---------------------------------------------------------------------------------------------------

    def _prepare(self, schedule: Schedule, steps: int) -> None:
        backbone = self.network.encoder.backbone
        known = {id(p) for p in backbone.parameters()}
        trained = [p for p in self.network.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if id(p) not in known], "lr": schedule.lr},
            {"params": [p for p in trained if id(p) in known], "lr": schedule.lr / 10},
        ]
        self.optimizer = torch.optim.AdamW([g for g in groups if g["params"]], weight_decay=schedule.weight_decay)
        total, rise = schedule.epochs * steps, max(1, schedule.epochs * steps // 20)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda i: min((i + 1) / rise, 0.5 * (1 + math.cos(math.pi * max(0, i - rise) / max(1, total - rise)))),
        )
        self.precision = _precision(self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.precision)

    def _epoch(
        self, order: list[int], schedule: Schedule, epoch: int, report: Callable[[int, float], None]
    ) -> dict[str, float]:
        self.network.train()
        random, sums, steps = generator(schedule.seed, epoch), _Means(), 0
        for rows, batch in self._batches(order, schedule.batch):
            clean, inputs = changed(batch, random)
            with self._autocast():
                losses = self.network.losses(self.normalise(inputs), {"clean": clean, **self._extra(rows)})
            sums.add(losses, len(rows))
            if not math.isfinite(float(losses["loss"].detach())):
                break
            self.optimizer.zero_grad(set_to_none=True)
            self.scaler.scale(losses["loss"]).backward()
            self.scaler.unscale_(self.optimizer)
            norm = nn.utils.clip_grad_norm_([p for p in self.network.parameters() if p.requires_grad], 5.0)
            if torch.isfinite(norm):  # one gradient that overflows would make every weight NaN
                self.scaler.step(self.optimizer)
                self.scheduler.step()
                steps += 1
            self.scaler.update()
            report(sums.count, sums.means()["loss"])
        return sums.means() if steps else {"loss": math.nan}

    def _judge(self, held: Sequence[int], count: int) -> dict[str, float]:
        """The losses of images held out, unchanged."""
        self.network.eval()
        sums = _Means()
        with torch.no_grad():
            for rows, clean in self._batches(held, count):
                losses = self.network.losses(self.normalise(clean), {"clean": clean, **self._extra(rows)})
                sums.add(losses, len(rows))
        return sums.means()

    def _batches(self, rows: Sequence[int], count: int) -> Iterator[tuple[list[int], Tensor]]:
        for there, pixels in self.pictures.batches(rows, count):
            yield there, pixels.to(self.device).float() / 255

    def _extra(self, rows: list[int]) -> dict[str, Tensor]:
        return {name: values.to(self.device) for name, values in self.extras(rows).items()}

    def _check(self, history: list[dict[str, dict[str, float]]], epoch: int, folder: Path) -> None:
        losses = [history[-1][part].get("loss", math.nan) for part in ("train", "held")]
        if all(map(math.isfinite, losses)):
            return
        kept = f" What was learnt up to epoch {epoch - 1} is kept in {folder}." if epoch > 1 else ""
        raise ModelError(
            f"The loss of epoch {epoch} is no number ({losses[0]} in training, {losses[1]} on the images held out)."
            + kept,
            remedy="Train with a smaller --lr and --restart.",
        )

    def _weights(self) -> dict[str, Tensor]:
        return copy.deepcopy({name: value.detach() for name, value in self.network.state_dict().items()})

    def _load(self, weights: Mapping[str, Tensor]) -> None:
        self.network.load_state_dict(weights)
        self.network.eval()

    def _tools(self) -> dict[str, Any]:
        return {name: getattr(self, name).state_dict() for name in ("optimizer", "scheduler", "scaler")}

    def _restored(self, state: dict[str, Any]) -> tuple[list[dict[str, dict[str, float]]], int, dict[str, Tensor]]:
        self._load(state["network"])
        for name in self._tools():
            getattr(self, name).load_state_dict(state[name])
        return list(state["history"]), int(state["best"]), dict(state["best_network"])


class _Means:
    """Means of losses over pictures."""

    def __init__(self) -> None:
        self.count = 0
        self._sums: dict[str, float] = {}

    def add(self, losses: Mapping[str, Tensor], count: int) -> None:
        self.count += count
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(loss.detach()) * count

    def means(self) -> dict[str, float]:
        return {name: value / self.count for name, value in self._sums.items()}


def _reporter(progress: OnProgress | None, epoch: int, epochs: int, total: int) -> Callable[[int, float], None]:
    def report(done: int, loss: float) -> None:
        if progress is not None:
            progress(Progress(f"epoch {epoch} of {epochs}", done, total, note=f"loss {loss:.4f}"))

    return report


def best_device() -> torch.device:
    """A GPU if there is one, otherwise the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _precision(device: torch.device) -> torch.dtype:
    """Half precision on CUDA, bfloat16 where the chip has it. On a processor with AVX-512 but no AMX, a step of
    EfficientNet-Lite2 in bfloat16 took 1.12 times as long as in float32: float32 it is."""
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
