"""The report of an assessment: one file for a browser, with nothing from outside in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.files import write_named
from imagefinder.evaluation.measures import ABOUT
from imagefinder.evaluation.report_parts import STYLE, bars, differences, meter, percent, share
from imagefinder.evaluation.retrievals import TITLES

if TYPE_CHECKING:
    from imagefinder.evaluation.asking import Seen
    from imagefinder.evaluation.comparison import Comparison
    from imagefinder.evaluation.copies import CopyScores
    from imagefinder.evaluation.cutting import CutScores
    from imagefinder.evaluation.of_index import Assessment
    from imagefinder.evaluation.retrievals import ClassRow, Retrieval, Worst

Picture = Callable[[str, str], str]  # from an id and a URI to a ``data:`` URI; empty where there is none
THUMB = 256  # pixels: one of the sizes that a server keeps
CLASSES = 300  # rows of a table; the others are in the JSON


def write_report(path: Path, result: Assessment, picture: Picture) -> None:
    """Write the report. ``picture`` gives small pictures of images. Raises StorageError."""
    write_named(path, page_of(result, picture).encode("utf-8", "replace"))


def page_of(result: Assessment, picture: Picture) -> str:
    """The report as HTML."""
    when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    missing = f" {result.missing:,} names in the tables are not in the index." if result.missing else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in result.notes)
    body = "".join(
        [
            *(_comparison(one) for one in result.comparisons),
            *(_search(one, picture) for one in result.searches),
            _clusters(result),
            _copies(result.copies) if result.copies else "",
        ]
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>How good is search here?</title><style>{STYLE}</style><main>"
        f'<h1>How good is search here?</h1><p class="faint">Measured in the space {escape(result.space)}, {when}.'
        f"{missing}</p>{notes}{body}{_glossary() if result.searches else ''}</main></html>\n"
    )


# --- one list of queries ------------------------------------------------------------------------------------------


def _search(one: Retrieval, picture: Picture) -> str:
    title = TITLES[one.kind]
    if not one.queries:
        empty = f"<p>{one.unanswerable:,} queries, to which nothing fits.</p>" if one.unanswerable else ""
        return f"<h2>{title}</h2>{empty}{_cuts(one)}"
    order = (
        f"<p>Of a liked and a disliked image, the liked one comes first in {share(one.order.mean)} of all pairs "
        f"({share(one.order.low)} to {share(one.order.high)}); by chance it would be half.</p>"
        if one.order
        else ""
    )
    return (
        f'<h2>{title}</h2><p class="lead">{_lead(one)}</p>{order}'
        f"{bars(one.measures, f'{title}: each measure with its interval')}"
        '<p class="faint small">The line on each bar is where 95 % of the means lie when queries are drawn anew.</p>'
        f"{_cuts(one)}{_classes(one.classes)}{_worst(one.worst, picture)}"
    )


def _lead(one: Retrieval) -> str:
    first, tenth = one.measures["hit@1"], one.measures["hit@10"]
    asked = {
        "labels": f"{one.queries:,} images of {len(one.classes):,} labels were searched by, among {one.images:,}.",
        "captions": f"{one.queries:,} captions were searched for among {one.images:,} images.",
        "queries": f"{one.queries:,} queries were asked of {one.images:,} images.",
        "feedback": f"{one.queries:,} queries that people judged were asked again of {one.images:,} images.",
    }[one.kind]
    return (
        f"{asked} The first hit is right for <b>{share(first.mean)}</b> of them "
        f"({share(first.low)} to {share(first.high)}), one of the first ten for {share(tenth.mean)}."
    )


def _cuts(one: Retrieval) -> str:
    rows = [cut for cut in (one.cut, one.sure_cut, one.best_cut) if cut]
    if not rows:
        return ""
    text = (
        "Where do the good hits end? Precision is the share of what a cut takes that is right, recall the share of the "
        "right images that it takes."
    )
    body = "".join(_cut(cut) for cut in rows)
    names = ("Cut", "F1", "Precision", "Recall", "Rightly nothing", "Wrongly nothing")
    return f"<h3>The end of the hits</h3><p>{text}</p>{_table(names, body, 5)}"


def _cut(cut: CutScores) -> str:
    figures = (cut.f1, cut.precision, cut.recall, cut.nothing, cut.wrongly_nothing)
    return f"<tr><td>{escape(cut.by)}</td>{''.join(f'<td class=n>{percent(v)}</td>' for v in figures)}</tr>"


def _classes(rows: Sequence[ClassRow]) -> str:
    if not rows:
        return ""
    body = "".join(
        f"<tr><td>{escape(row.name)}</td><td class=n>{row.queries:,}</td><td class=n>{meter(row.hit_at_1)}</td>"
        f"<td class=n>{meter(row.precision_at_10)}</td><td class=n>{meter(row.average_precision)}</td>"
        f"<td class=n>{meter(row.map_at_r)}</td></tr>"
        for row in rows[:CLASSES]
    )
    more = f"<p>and {len(rows) - CLASSES:,} better ones</p>" if len(rows) > CLASSES else ""
    names = ("Label", "Images", "First hit right", "Precision@10", "mAP", "MAP@R")
    table = _table(names, body, 5) + more
    if len(rows) > 25:
        table = f"<details><summary>All {len(rows):,} labels</summary>{table}</details>"
    return f"<h3>Each label, the weakest first</h3>{table}"


def _worst(rows: Sequence[Worst], picture: Picture) -> str:
    if not rows:
        return ""
    return f"<h3>What is found worst</h3>{''.join(_query(row, picture) for row in rows)}"


def _query(row: Worst, picture: Picture) -> str:
    label = f" ({escape(row.group)})" if row.group else ""
    name = escape(row.shown.replace("\\", "/").rpartition("/")[2] if row.image else f"“{row.shown}”")
    first = f"the first one comes at rank {row.first:,}" if row.first else "none was found"
    asked = f'<div class="asked">{_figure(picture(row.image, row.shown), name, "", "asked")}</div>' if row.image else ""
    hits = "".join(_hit(hit, f"{rank}.", picture) for rank, hit in enumerate(row.top, 1))
    place = f"{row.first:,}." if row.first else "not found:"
    best = f'<div class="best">{_hit(row.best, place, picture)}</div>' if row.best else ""
    return (
        f'<section class="query"><h4>{name}{label}</h4><p class="small faint">Average precision '
        f"{row.average_precision:.3f}. Right images: {row.right:,}; {first}.</p>"
        f'<div class="row">{asked}{hits}{best}</div>'
        "</section>"
    )


def _hit(hit: Seen, rank: str, picture: Picture) -> str:
    kind = "right" if hit.right else "wrong"
    name = escape(hit.uri.replace("\\", "/").rpartition("/")[2])
    score = "" if hit.score is None else f"{hit.score:.3f}"
    return _figure(picture(hit.id, hit.uri), name, f"<b>{rank} {kind}</b> {score}<br>", kind)


def _figure(shown: str, name: str, text: str, kind: str) -> str:
    image = f'<img src="{escape(shown)}" alt="{name}">' if shown else f"<em>{name}</em>"
    return f'<figure class="{kind}">{image}<figcaption>{text}{name if text else ""}</figcaption></figure>'


# --- two spaces, clusters and duplicates --------------------------------------------------------------------------


def _comparison(one: Comparison) -> str:
    a, b = escape(one.a), escape(one.b)
    body = "".join(
        f"<tr><td>{escape(name)}</td><td class=n>{d.a:.3f}</td><td class=n>{d.b:.3f}</td>"
        f"<td class=n>{d.difference:+.3f}</td><td class=n>{d.low:+.3f} to {d.high:+.3f}</td>"
        f"<td class=n>{d.p:.4f}</td></tr>"
        for name, d in one.measures.items()
    )
    same = one.queries - one.better - one.worse
    figure = differences(one.measures, f"What {one.b} finds more than {one.a}, with intervals")
    return (
        f'<h2>{b} against {a}: {TITLES[one.kind].lower()}</h2><p class="lead">{escape(one.says)}</p>'
        f"<p>Queries, by {escape(one.main)}: {one.better:,} better in {b}, {one.worse:,} worse, {same:,} as good.</p>"
        f"{figure}"
        f'<p class="faint small">Points right of the middle: {b} finds more. Grey ones may be chance (p of .05 or more '
        "in the paired randomisation test).</p>"
        f"{_table(('Measure', a, b, 'Difference', '95 % interval', 'p'), body, 5)}"
    )


def _clusters(result: Assessment) -> str:
    found = result.clusters
    if not found:
        return ""
    return (
        f"<h2>Groups and labels</h2><p>{found.images:,} images with a label are in {found.clusters:,} groups. How far "
        f"groups and labels agree: NMI {found.nmi:.3f}, adjusted Rand index {found.ari:.3f} (1 is full agreement); in "
        f"{share(found.purity)} the label is the commonest one of the group.</p>"
    )


def _copies(found: CopyScores) -> str:
    lists = "".join(
        f"<details><summary>{title}</summary><ul>{_pairs(pairs)}</ul></details>"
        for title, pairs in (("Not found", found.missed), ("Found wrongly", found.false))
        if pairs
    )
    return (
        f"<h2>Duplicates</h2><p class=lead>Of {found.pairs:,} pairs of duplicates, {found.found:,} were found "
        f"({percent(found.recall)}), up to the tier {escape(found.tier)}. {found.wrong:,} other pairs of the "
        f"{found.images:,} images were taken for duplicates, so {percent(found.precision)} of what was said is right; "
        f"F1 {percent(found.f1)}.</p>{lists}"
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<li>{escape(a)}<br>{escape(b)}</li>" for a, b in pairs)


def _table(names: Sequence[str], body: str, numbers: int) -> str:
    """A table whose last columns hold numbers; the names are HTML."""
    heads = "".join(
        f'<th scope="col"{" class=n" if i >= len(names) - numbers else ""}>{name}</th>' for i, name in enumerate(names)
    )
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _glossary() -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in ABOUT.items())
    return f"<h2>What the measures mean</h2><dl>{rows}</dl>"
