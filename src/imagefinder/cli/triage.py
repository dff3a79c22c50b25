"""``imagefinder outliers`` and ``quality``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from imagefinder.cli.bar import ProgressBar, StageLines
from imagefinder.cli.common import (
    FILE,
    NOTHING_FOUND,
    OK,
    index_option,
    json_option,
    limits,
    open_finder,
    plural,
    print_json,
    ray_option,
    say,
    say_skipped,
    styled,
    tell,
)
from imagefinder.quality.issues import Issue


@click.command()
@click.option("-k", "--top", "k", default=20, show_default=True, type=click.IntRange(1), help="Images listed.")
@click.option("--sheet", type=FILE, help="Save a contact sheet of them (PNG).")
@ray_option
@index_option
@json_option
def outliers(k: int, sheet: Path | None, ray: str | None, index_dir: Path | str | None, as_json: bool) -> int:
    """List the images that differ most from all others.

    The score compares the distance to the 20 nearest neighbours with what is usual here: 0 is usual, above 3 is odd. It
    is stored in the records as `outlier`: imagefinder search ... --filter "outlier < 3". Where there are clusters, the
    distance to the centre is shown too, in radii.
    """
    with open_finder(index_dir) as finder:
        found = finder.outliers(k, ray=ray, progress=StageLines().show)
    if as_json:
        print_json({"outliers": [o.to_dict() for o in found]})
    else:
        for outlier in found:
            away = "" if outlier.from_cluster is None else f"  {outlier.from_cluster:4.2f} radii from its cluster"
            tell(f"{outlier.score:6.2f}  {outlier.record.uri}", styled(away, dim=True))
    if sheet:
        from imagefinder.images.thumbnails import save_picture
        from imagefinder.plots import picture_sheet

        pictures = [(o.record.uri, f"{o.score:.1f}  {Path(o.record.uri).name}") for o in found]
        save_picture(picture_sheet(pictures, title="Most unlike the others", limits=limits()), sheet)
        say(f"Contact sheet: {sheet}")
    return OK


@click.command()
@click.option("--issue", type=click.Choice([issue.value for issue in Issue]), help="List only images with this issue.")
@click.option("-k", "--top", "k", default=20, show_default=True, type=click.IntRange(0), help="Images listed.")
@click.option("--again", is_flag=True, help="Measure every image again, not only new ones.")
@index_option
@json_option
def quality(issue: str | None, k: int, again: bool, index_dir: Path | str | None, as_json: bool) -> int:
    """Find pictures that are blurry, dark, bright, of low contrast, oddly shaped or tiny.

    The scores are stored in the records, for filters: `blur` (0 sharp to 1, over 0.5 is blurry), `brightness` and
    `contrast` (0 to 1), `aspect` (long side over short side) and `issues`: imagefinder search ... --filter "not issues
    = blurry".
    """
    with open_finder(index_dir) as finder, ProgressBar() as bar:
        report = finder.quality(again=again, progress=bar.show)
        where = f'issues = "{issue}"' if issue else "has issues"
        listed = sorted(finder.records(where), key=lambda r: -float(str(r.extra.get("blur", 0))))
    if as_json:
        print_json({**report.to_dict(), "images": [r.to_dict() for r in listed]})
        return OK
    tell(f"{plural(report.total, 'image')} judged, {report.measured:,} of them now.")
    for name in Issue:
        tell(f"  {name:<13} {report.issues.get(name, 0):>7,}")
    for record in listed[:k]:
        found: dict[str, Any] = dict(record.extra)
        about = f"blur {found['blur']}  brightness {found['brightness']}  contrast {found['contrast']}"
        tell(f"{', '.join(found['issues']):<24} {record.uri}  ", styled(about, dim=True))
    if report.skipped:
        say(f"{plural(len(report.skipped), 'image')} could not be read:")
        say_skipped(report.skipped)
    return OK if report.total else NOTHING_FOUND
