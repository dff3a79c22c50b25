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
from imagefinder.cli import (
    cluster,
    clusters,
    concept,
    demo,
    download,
    duplicates,
    evaluate,
    export,
    index,
    info,
    key,
    keys,
    map,
    mcp,
    models,
    plan,
    read,
    remove,
    search,
    serve,
    sources,
    spaces,
    tag,
    tags,
    train,
    triage,
    whole,
)
from imagefinder.cli.common import report_error

COMMANDS = (
    demo.demo,
    index.index,
    search.search,
    serve.serve,
    key.key,
    keys.keys,
    keys.audit,
    mcp.mcp,
    cluster.cluster,
    clusters.clusters,
    cluster.choose_k,
    map.map_,
    map.pca,
    duplicates.duplicates,
    triage.outliers,
    triage.quality,
    read.read,
    export.export,
    export.assign,
    download.download,
    tag.tag,
    tags.tags,
    concept.concept,
    remove.remove,
    train.train,
    train.predict,
    evaluate.evaluate,
    info.info,
    whole.copy,
    whole.backup,
    whole.restore,
    sources.sources,
    spaces.spaces,
    models.models,
    plan.plan,
    info.doctor,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


for _command in COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Entry point: runs a command and turns every error into a message and an exit code."""
    send_nothing_from_programs()
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
        code = report_error(error, sys.argv)
    sys.exit(code if isinstance(code, int) else 0)
