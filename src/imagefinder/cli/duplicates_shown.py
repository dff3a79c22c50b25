"""What `imagefinder duplicates` prints of the groups that were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagefinder.cli.common import human_bytes, plural, say, say_skipped, styled, tell
from imagefinder.duplicates.matching.shown import HELD

if TYPE_CHECKING:
    from imagefinder.duplicates.report import DuplicateReport, Group

SHOWN = 50  # groups
ASIDE = {
    "one picture": "one picture in several files, which stay or go together",
    "one file": "names of one file, which take no room",
}


def print_groups(report: DuplicateReport) -> None:
    """Each group with the image to keep, and behind them what looks like duplicates and is none."""
    _print_groups(report)
    _print_aside(report)


def _print_groups(report: DuplicateReport) -> None:
    for number, group in enumerate(report.groups[:SHOWN], 1):
        _print_group(number, group)
    if len(report.groups) > SHOWN:
        tell(f"... and {len(report.groups) - SHOWN:,} more; --json, --html and --plan hold them all")


def _print_group(number: int, group: Group) -> None:
    tell(styled(f"{number}. {group.tier}", bold=True))
    tell(f"   keep  {group.keep.uri}", styled(f"  {group.reason}", dim=True))
    _print_beside(group.beside.words)
    for member in group.members:
        what = "also" if member.reference else "copy" if group.tier.is_copy else "like"
        tell(f"   {what}  {member.record.uri}", styled(f"  {member.tier}: {member.evidence}", dim=True))
        held = [f"{HELD} {member.hold}"] if member.hold else []
        _print_beside([*held, *member.beside.words])


def _print_beside(lines: Sequence[str]) -> None:
    for line in lines:
        tell(f"         {line}")


def _print_aside(report: DuplicateReport) -> None:
    """What looks like duplicates and is none, so that nobody has to wonder why it is not listed."""
    for what, sign, sets in (("one picture", "+", report.one_picture), ("one file", "=", report.one_file)):
        if sets:
            tell(styled(f"No duplicates: {ASIDE[what]}", bold=True))
        for uris in sets[:SHOWN]:
            tell(f"   {f'  {sign}  '.join(uris)}")
        if len(sets) > SHOWN:
            tell(f"   ... and {len(sets) - SHOWN:,} more; --json holds them all")


def sum_up(report: DuplicateReport) -> None:
    """How many there are, on stderr."""
    if report.skipped:
        say(f"{plural(len(report.skipped), 'image')} could not be compared:")
        say_skipped(report.skipped)
    count = sum(len(g.members) for g in report.groups)
    size = human_bytes(sum(g.wasted for g in report.groups if g.tier.is_copy))
    if report.unkept:
        say(f"Not kept for the next search: {report.unkept}")
    decided = f"; {plural(report.decided, 'pair')} left out as decided" if report.decided else ""
    held = sum(bool(m.hold) for g in report.groups for m in g.members)
    decided += f"; {plural(held, 'image')} in no plan, for you to decide" if held else ""
    say(
        f"{plural(len(report.groups), 'group')} with {plural(count, 'image')} beside the best ones, among "
        f"{plural(report.images, 'image')} in {report.seconds:.1f} s ({plural(report.compared, 'pair')} compared, "
        f"{report.kept:,} known from before); the duplicates take {size}{decided}."
    )
