"""The command line: ``imagefinder COMMAND``. Each command is a module of this package."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from io import TextIOWrapper

import click

from imagefinder import settings
from imagefinder._util.quiet import send_nothing_from_programs
from imagefinder._version import __version__
from imagefinder.cli.late import LateGroup

# What each command is, and the first sentence of its help. They are imported when they are called, so that each starts
# in the time that it needs itself, and the list of them in that of none.
COMMANDS = {
    "demo": ("demo.demo", "Index sample images (or FOLDER), search them by text and by image, and draw the hits."),
    "index": (
        "index.index",
        "Index images: folders, image files, PDFs, videos, archives, tables of paths, URLs or pictures,...",
    ),
    "search": (
        "search.search",
        "Find images by text, by an image (a file, a URL, id:ID), or by a weighted sum of these.",
    ),
    "serve": ("serve.serve", "Serve the web page and the HTTP API, until Ctrl-C."),
    "key": ("key.key", "Print the key of a server that runs on this account, for programs such as curl."),
    "keys": ("keys.keys", "Make, list and remove the keys with which people and programs use the servers of an index."),
    "audit": (
        "keys.audit",
        "Show what was removed, trashed and restored, which keys were made and removed, when and by whom.",
    ),
    "mcp": ("mcp.mcp", "Offer the images to an AI agent as tools, by the Model Context Protocol on stdin and stdout."),
    "cluster": ("cluster.cluster", "Put similar images into clusters, each with a name, typical images and measures."),
    "clusters": ("clusters.clusters", "Look at the clusters, and correct them."),
    "choose-k": (
        "cluster.choose_k",
        "Measure k-means for every number of clusters, and suggest one with the reason; you decide.",
    ),
    "map": ("map.map_", "Draw a map of the images: similar ones lie close together."),
    "pca": ("map.pca", "How much of the variance of the vectors the first dimensions keep."),
    "duplicates": (
        "duplicates.duplicates",
        "Find duplicates of the same picture, choose which to keep, and move the others to a trash folder.",
    ),
    "outliers": ("triage.outliers", "List the images that differ most from all others."),
    "quality": (
        "triage.quality",
        "Find pictures that are blurry, dark, bright, of low contrast, oddly shaped or tiny.",
    ),
    "read": ("read.read", "Read the text in pictures: signs, screenshots, receipts, slides."),
    "export": ("export.export", "Write clusters for other programs."),
    "assign": (
        "export.assign",
        "Give images (files, folders, URLs) a cluster, by a model of `imagefinder export model`; no index...",
    ),
    "download": (
        "download.download",
        "Download images into FOLDER: those of a table of URLs, or photos from Unsplash.",
    ),
    "tag": (
        "tag.tag",
        "Tag images, named by path, URL, id:ID or filter, mark them, put them into albums, or give one a...",
    ),
    "tags": ("tags.tags", "List, rename, merge and remove tags over the whole index."),
    "concept": ("concept.concept", "Keep queries under a name, to search, filter and train by."),
    "remove": ("remove.remove", "Remove images from the index, by path, URL, id:ID, folder or filter."),
    "train": ("train.train", "Train new spaces from labels, feedback or captions."),
    "predict": ("train.predict", "Predict the classes of images: files, folders, tables or URLs."),
    "evaluate": ("evaluate.evaluate", "Measure how well the index finds things, on what you know of your own images."),
    "info": ("info.info", "Show what the index holds: images, sources, model, spaces, size on disk."),
    "copy": ("whole.copy", "Copy an index to another folder or address, in any direction."),
    "backup": (
        "whole.backup",
        "Write all of an index into FILE, to a bucket (s3://BUCKET/NAME.tar), or to stdout for `-`, also...",
    ),
    "restore": (
        "whole.restore",
        "Make an index of a backup FILE, of one in a bucket (s3://BUCKET/NAME.tar), or of what comes on...",
    ),
    "sources": ("sources.sources", "List, rename, forget, move, pause and resume the sources of an index."),
    "spaces": ("spaces.spaces", "List, choose or remove the vectors of several models in one index."),
    "models": ("models.models", "List, fetch and compare embedding models."),
    "plan": ("plan.plan", "Say what a large collection takes: machines, memory, disk, hours, money, waiting."),
    "doctor": ("info.doctor", "Check what works here: versions, processors, models, image formats, disk."),
}


@click.group(
    cls=LateGroup,
    places=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="imagefinder")
def cli() -> None:
    """Search and organise any collection of images on your own machine.

    \b
      imagefinder index ~/Pictures          index a folder (again: only what has changed)
      imagefinder search red bike           search by text
      imagefinder search ./beach.jpg        search by image: a file, a URL, or id:ID
      imagefinder search "dog + ./beach.jpg - people"
      imagefinder cluster                   put similar images into clusters with names
      imagefinder map --out map.html        see them all on a map
      imagefinder duplicates                find duplicates, edited ones too
      imagefinder serve                     all of this as a web page and an HTTP API

    Most commands take --index DIR (or IMAGEFINDER_INDEX) and --json. Exit codes: 0 done, 1 nothing found,
    2 wrong use, 3 failed.
    """
    if settings.PROVIDER.value:
        from imagefinder.models.providers import prefer

        prefer(settings.PROVIDER.value)


def main() -> None:
    """Entry point: runs a command and turns every error into a message and an exit code."""
    send_nothing_from_programs()
    # Each thread of OpenBLAS waits for the next product in a busy loop, usually for 2**26 cycles: .1 s of a search.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")
    warnings.filterwarnings("ignore", module="PIL")  # of odd metadata: what can't be used is said by us
    for stream in (sys.stdout, sys.stderr):  # a console of few characters: what it lacks is written as an escape
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if os.getpid() == 1:  # the first process of a container gets no signal that it doesn't handle
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        # What click expands on Windows it expands in every argument, patterns of --exclude and texts among them.
        code = cli.main(standalone_mode=False, windows_expand_args=False)
    except (Exception, KeyboardInterrupt) as error:
        from imagefinder.cli.common import report_error

        code = report_error(error, sys.argv)
    sys.exit(code if isinstance(code, int) else 0)
