"""The tables of docs/benchmarks.md about training: each function reads results and returns Markdown."""

from __future__ import annotations

from typing import Any

from benchmark_tables import result, table


def adapter() -> str:
    return table(
        ["labels per class", "MAP@R before", "after", "recall@1 before", "after", "CPU time"],
        (
            [name.split()[0], *_before_after(of, "map_at_r", "recall_at_1")]
            for name, of in result("training")["adapter"].items()
        ),
    )


def unseen() -> str:
    (of,) = result("training")["unseen"].values()
    return table(
        ["images of classes that were not taught", "MAP@R before", "after", "recall@1 before", "after", "CPU time"],
        [["five of ten classes, 50 labels per class", *_before_after(of, "map_at_r", "recall_at_1")]],
    )


def classifier() -> str:
    (of,) = result("training")["classifier"].values()
    told = [run["said"] for run in of["runs"]]
    errors = (f"{sum(run[key] for run in told) / len(told):.3f}" for key in ("ece_uncalibrated", "ece"))
    return table(
        ["half of the vehicles, 64 dimensions", "MAP@R before", "after", "recall@1 before", "after", "CPU time"],
        [["the other half", *_before_after(of, "map_at_r", "recall_at_1")]],
    ) + (
        f"\nThe accuracy is {of['accuracy']:.3f}. On the images that the training itself holds out, the temperature "
        f"lowers the expected calibration error from {' to '.join(errors)}.\n"
    )


def words() -> str:
    (of,) = result("training")["words"].values()
    return (
        table(
            ["400 captioned photos, 200 others asked for", "R@1", "R@5", "R@10"],
            (
                [title, *(f"{of[key][f'recall_at_{k}']:.3f}" for k in (1, 5, 10))]
                for key, title in (("before", "before (ConSE)"), ("after", "after"))
            ),
        )
        + f"\nIt takes {of['cpu_s']:.0f} s of CPU time.\n"
    )


def _before_after(of: dict[str, Any], *keys: str) -> list[str]:
    return [f"{of[when][key]:.3f}" for key in keys for when in ("before", "after")] + [f"{of['cpu_s']:.0f} s"]


def unfreeze() -> str:
    return _scores(
        "unfreeze", {"default": "default model", "trained": "trained", "trained + default": "both side by side"}
    )


def autoencoder() -> str:
    pooled = ", the pooled features below the latent"
    names = {"default": "default model, 260 px", "untrained": "its PyTorch form, untrained"}
    names |= {"both": "trained on pixels and features", "both-pooled": f"the same{pooled}"}
    names |= {"pixels-only": "trained on pixels alone", "pixels-only-pooled": f"the same{pooled}"}
    names |= {"both + default": "trained on pixels and features, beside the default model"}
    return _scores("autoencoder", names)


def _scores(name: str, titles: dict[str, str]) -> str:
    scores = result(name)["scores"]
    rows = ([title, f"{scores[k]['map_at_r']:.3f}", f"{scores[k]['recall_at_1']:.3f}"] for k, title in titles.items())
    return table(["space", "MAP@R", "recall@1"], rows)
