"""What each command looks up and tries to reach beyond the machine: nothing.

    python benchmarks/nothing_leaves.py

Each command runs in a process of its own, with a home of its own, where there is no network (``tests/support/lonely``
needs Linux with ``unshare`` and ``ip``); so do a server that its client and its page ask, and a program that keeps a
model loaded for a minute, in which ONNX Runtime would send its telemetry. The environment is that of somebody who has
switched on what can be. A program with ONNX Runtime alone shows that what is sent would be seen.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from common import save

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests")]

import test_nothing_leaves as checks  # noqa: E402
from lonely import watched, why_not  # noqa: E402

MINUTE = "\nimport time\nfor _ in range(60): time.sleep(1)\n"
MODEL = checks.SOURCE / "imagefinder/models/bundled/efficientnet-lite0/model.int8.onnx"
SESSION = f"\no.InferenceSession({str(MODEL)!r}, providers=['CPUExecutionProvider'])"


def commands(samples: Path, home: Path) -> list[tuple[str, ...]]:
    index = ("--index", f"{home}/index")
    return [
        ("index", *index, f"{samples}/animals", f"{samples}/food"),
        ("search", *index, "a red bird"),
        ("cluster", *index),
        ("choose-k", *index, "--max", "5"),
        ("map", *index, "--out", f"{home}/map.html"),
        ("pca", *index),
        ("duplicates", *index),
        ("outliers", *index),
        ("quality", *index),
        ("read", *index),
        ("export", "clusters", *index, "--out", f"{home}/all.csv"),
        ("train", "classifier", *index, "--by", "folder"),
        ("train", "adapter", *index, "--by", "folder"),
        ("predict", *index, f"{samples}/food/apricot.jpg"),
        ("evaluate", *index, "--labels", f"{samples}/captions.csv"),
        ("models", "list"),
        ("sources", "list", *index),
        ("spaces", "list", *index),
        ("info", *index),
        ("doctor", *index),
        ("demo", f"{samples}/food", "--index", f"{home}/demo", "--sheet", f"{home}/demo.png"),
    ]


def main() -> None:
    if why_not():
        sys.exit(f"This can't be measured here: {why_not()}.")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        environment = checks.environment(home)
        for words in commands(checks.SAMPLES, home):
            run = "from command import run_cli; import sys; sys.exit(run_cli(*sys.argv[1:]).returncode not in (0, 1))"
            found[" ".join(w for w in words[:2] if w.replace("-", "").isalpha() and w[0] != "-")], _ = watched(
                [sys.executable, "-c", run, *words], environment, home
            )
            print(words[0], flush=True)
        for name, code in (
            ("serve, client, page, mcp", checks.SERVER),
            ("a model loaded for a minute", f"import imagefinder, onnxruntime as o{SESSION}{MINUTE}"),
        ):
            found[name], _ = watched([sys.executable, "-c", code, str(checks.SAMPLES), place], environment, home)
            print(name, flush=True)
        left = sorted(checks.left_behind(home))
        alone, _ = watched([sys.executable, "-c", f"import onnxruntime as o{SESSION}{MINUTE}"], environment, home)
    save(
        "nothing_leaves",
        {"commands": found, "left in the home": left, "ONNX Runtime alone, without ImageFinder": alone},
    )


if __name__ == "__main__":
    main()
