"""The benchmark for machines with a GPU runs on one without, so that no time on a lent machine is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "gpu.py"


def test_it_measures_each_step(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    words = ["--images", "3", "--batches", "1", "5", "--models", "fast", "--seconds", "0.01"]
    done = subprocess.run([sys.executable, SCRIPT, *words, "--out", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert "cpu" in found["providers"] and found["cpu_only"] == (found["providers"] == ["cpu"])
    assert ("CPUs only" in done.stdout) == found["cpu_only"]
    row = found["cpu, fast"]
    assert row["inference"]["provider"] == "CPUExecutionProvider"
    assert min(row["inference"][size] for size in ("1", "5")) > 0
    assert row["decoding_per_second"] > 0 and row["end_to_end"]["per_second"] > 0


def test_it_stops_in_time(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    words = ["--images", "2", "--models", "fast", "default", "--minutes", "0"]
    done = subprocess.run([sys.executable, SCRIPT, *words, "--out", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "cpu, fast" not in json.loads(out.read_text())
