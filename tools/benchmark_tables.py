"""The tables of docs/benchmarks.md: each function reads benchmarks/results/*.json and returns Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
GARMENTS, VEHICLES, STAMPS = "2,462 garments, 10 classes", "4,800 vehicles, 6 classes", "538 cut-outs, 15 classes"
NAMES = {"clothing": "garments", "vehicles": "vehicles", "stamps": "cut-outs"}
METHODS = ("leiden", "kmeans", "minibatch", "agglomerative", "hdbscan", "dbscan")


def result(name: str) -> Any:
    """What benchmarks/NAME.py has measured."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}%"


def scale() -> str:
    found = result("scale")
    first, again = found["first_run"], found["unchanged_run"]
    searches = {"by_id": "id", "by_image": "image", "by_words": "text", "by_words_filtered": "text, with a filter"}
    searches["by_words_and_image"] = "text and image together"
    starts = {"cold_search_words": "search TEXT", "cold_search_image": "search IMAGE", "help": "--help"}
    return (
        table(
            ["run", "seconds", "images per second", "peak memory"],
            [
                ["first", first["process_s"], first["images_per_second"], f"{first['peak_mb']} MB"],
                ["second, nothing changed", again["process_s"], "", f"{again['peak_mb']} MB"],
            ],
        )
        + f"\nThe index takes {found['disk_mb']} MB of disk.\n\n"
        + table(
            ["search by", "p50", "p99"],
            ([name, f"{found[key]['p50_ms']} ms", f"{found[key]['p99_ms']} ms"] for key, name in searches.items()),
        )
        + "\n"
        + table(
            ["command, from start to end of the process", "median", "best of seven"],
            (
                [f"`imagefinder {name}`", f"{found[key]['median_s']:.2f} s", f"{found[key]['min_s']:.2f} s"]
                for key, name in starts.items()
            ),
        )
    )


def throughput() -> str:
    found = result("throughput")
    large = found["12_megapixel_default"]
    times = f"{large['times_faster_than_plain_pillow']:.1f}"
    rows = {
        "images per second, from file to stored vector": lambda m: f"{m['images_per_second']:.0f}",
        "milliseconds of one core: decoding": lambda m: f"{m['decode_ms']:.1f}",
        "preprocessing": lambda m: f"{m['preprocess_ms']:.1f}",
        "inference": lambda m: f"{m['inference_ms']:.1f}",
        "share of the speed that these three alone would reach": lambda m: percent(m["share"], 0),
    }
    return (
        table(
            [f"{found['images']:,} photos of 500 px", "`default`", "`fast`"],
            ([name, of(found["default"]), of(found["fast"])] for name, of in rows.items()),
        )
        + f"\nA 12-megapixel JPEG takes {large['ours_ms']:.0f} ms from file to vector. With a full decode by plain "
        f"Pillow it takes {large['plain_pillow_ms']:.0f} ms, {times} times as long.\n"
    )


def models() -> str:
    models = {name: of for name, of in result("models").items() if isinstance(of, dict) and "embed_ms" in of}
    return table(
        ["model", "decoding", "preprocessing", "embedding", "of it ONNX Runtime alone", "images per second and core"],
        (
            [
                f"`{name}`" if name in ("default", "fast") else name,
                *(f"{of[key]:.2f} ms" for key in ("decode_ms", "preprocess_ms", "embed_ms", "bare_ms")),
                of["images_per_core_second"],
            ]
            for name, of in models.items()
        ),
    )


def quality() -> str:
    found = result("quality")
    images = {"clothing": GARMENTS, "vehicles": VEHICLES, "stamps": STAMPS}
    texts = {"captions": "600 photos, 2,999 captions", "stamps": "538 cut-outs, 498 descriptions"}
    by_image = [
        [title, f"`{model}`", *(f"{scores[key]:.3f}" for key in ("recall_at_1", "map_at_r"))]
        for name, title in images.items()
        for model in ("default", "fast")
        for scores in [found[f"{name}, {model}"]["labels"]]
    ]
    by_text = [
        [title, f"`{model}`", *(percent(scores[f"recall_at_{k}"]) for k in (1, 5, 10))]
        for name, title in texts.items()
        for model in ("default", "fast")
        for scores in [found[f"{name}, {model}"]["words"]]
    ]
    return (
        table(["search by image", "model", "recall@1", "MAP@R"], by_image)
        + "\n"
        + table(["search by text", "model", "R@1", "R@5", "R@10"], by_text)
    )


def hybrid() -> str:
    """Words looked for in pictures, in texts, and in both."""
    found = result("hybrid")
    settings = {
        "captions, on a third": "600 photos, a third with a caption; other people's captions",
        "stamps, file names": "cut-outs with their file names; descriptions",
        "stamps, captions on a third": "cut-outs, a third with a description; words of file names",
    }
    groups = {"all": "all", "with a text": "of images with a text", "without": "of images without"}
    ways = ("pictures", "texts", "above chance of 5, 1.5", "sum by part, 1.5", "sum, 1", "rrf")
    lines = [
        [title, f"{of['queries']:,} {said}", *("/".join(f"{x:.0f}" for x in of[way].values()) for way in ways)]
        for name, title in settings.items()
        for group, said in groups.items()
        if (of := found[name].get(group))
    ]
    head = [
        "images; queries",
        "queries",
        "pictures",
        "texts",
        "both",
        "by the part said",
        "plain sum",
        "reciprocal ranks",
    ]
    colours = [
        [
            title,
            of["queries"],
            *("/".join(f"{x:.1f}" for x in of[weight].values()) for weight in ("0", "0.5", "1", "1.5")),
        ]
        for name, title in settings.items()
        if (of := found[name].get("a colour in the query, pictures"))
    ]
    searches = [
        [title, words_in, *(of[f"R@{k}"] for k in (1, 5, 10))]
        for name, title in settings.items()
        for words_in in ("pictures", "both")
        for of in [found[name][f"search, words_in={words_in}"]]
    ]
    return (
        table(head, lines)
        + "\n"
        + table(["a colour in the query, pictures only", "queries", "without", "0.5", "1", "1.5 spreads"], colours)
        + "\n"
        + table(["`search`, 300 queries of each", "words in", "R@1", "R@5", "R@10"], searches)
    )


def fusion() -> str:
    found = result("fusion")
    names = [name for name, of in found["clothing"].items() if isinstance(of, dict)]
    return table(
        ["searched with", "garments: MAP@R", "per search", "cut-outs: MAP@R", "per search"],
        (
            [name.replace(" + ", " and ")] + [text for of in ("clothing", "stamps") for text in _fused(found[of][name])]
            for name in names
        ),
    )


def _fused(of: dict[str, float]) -> tuple[str, str]:
    return f"{of['map_at_r']:.3f}", f"{of['ms']:.0f} ms"


def why() -> str:
    """Does the map of an explanation point at what was searched for?"""
    lines = []
    for model, of in result("why")["models"].items():
        for asked, row in of.items():
            lines.append(
                [
                    model,
                    asked,
                    row["scenes"],
                    *(percent(row[k]) for k in ("hits", "hits_second_half", "near", "middle")),
                    row["cpu_ms"],
                ]
            )
    head = [
        "model",
        "searched for",
        "scenes",
        "inside",
        "second half",
        "within 15 px",
        "middle of the picture",
        "CPU ms",
    ]
    return table(head, lines)


def clusters() -> str:
    """NMI / ARI of the methods that find the number of clusters by themselves."""
    return _agreement("auto")


def clusters_told() -> str:
    return _agreement("told")


def _agreement(number: str) -> str:
    labels = result("clusters")["labels"]
    sets = {"clothing": 10, "vehicles": 6, "stamps": 16}
    rows = []
    for method in METHODS:
        given = [f"{name} ({n} classes), {method}, {number if number == 'auto' else n}" for name, n in sets.items()]
        if given[0] in labels:
            rows.append([f"`{method}`", *(_nmi_ari(labels[key]) for key in given)])
    return table(["NMI / ARI (clusters found)", *(f"{NAMES[name]}, {n} classes" for name, n in sets.items())], rows)


def _nmi_ari(of: dict[str, float]) -> str:
    noise = f", {percent(of['noise'], 0)} noise" if of["noise"] else ""
    return f"{of['nmi']:.3f} / {of['ari']:.3f} ({of['n_clusters']}{noise})"


def outliers() -> str:
    rows = []
    for name, of in result("clusters")["outliers"].items():
        number, _, images = name.partition(" strangers in ")
        rows.append([f"{number} in {NAMES[images]}", f"{of['auroc']:.3f}", f"{of['average_precision']:.3f}"])
    return table(["images of other sets", "AUROC", "average precision"], rows)


def strangers() -> str:
    """Which part of the other half of a set, and of other sets, is taken into its clusters or left out."""
    found = result("strangers")
    names = {**NAMES, "captions": "photos"}
    rows = []
    for name, of in found["sets"].items():
        others = [percent(of[other], 0) if other in of else "" for other in names]
        rows.append([f"{of['clustered']:,} {names[name]}", percent(of["own"], 0), *others, ""])
    tiny = found["tiny"]
    rows.append(
        [f"{tiny['clustered']:,} of 20 classes", percent(tiny["own"], 0), "", "", "", "", percent(tiny["other"], 0)]
    )
    left = (f"{name} left out" for name in names.values())
    return table(["clustered", "its other half joins", *left, "20 other classes left out"], rows)


def cluster_scale() -> str:
    def row(name: str, of: dict[str, Any]) -> list[str]:
        inertia = of.get("inertia") or of.get("inertia at 100")
        number = of.get("n_clusters") or of.get("suggested") or ""
        return [name, f"{of['seconds']:.1f}", f"{of['peak_mb']} MB", f"{inertia:,.0f}" if inertia else "", str(number)]

    rows = (row(name, of) for name, of in result("clusters")["scale"].items())
    return table(["step", "seconds", "peak memory", "inertia, k = 100", "clusters found"], rows)


def cluster_edits() -> str:
    found = result("cluster_edits")
    rows = []
    for images, after in found["after"].items():
        for step in (step for step in after if isinstance(after[step], dict)):
            of = [found[when][images][step] for when in ("before", "after")]
            rows.append([images, step, *(f"{one[unit]:,.0f}" for one in of for unit in ("cpu_ms", "ms"))])
    return table(["100 clusters of", "step", "0.1: CPU ms", "ms", "0.2: CPU ms", "ms"], rows)


def maps() -> str:
    found = result("maps")
    good = {
        "tsne": ("`tsne` (default)", "finding what is similar to what"),
        "umap": ("`umap`", "a looser map with clearer gaps"),
        "pacmap": ("`pacmap`", "how large clusters lie to each other"),
        "pca": ("`pca`", "axes that have a meaning; it takes no time"),
        "sklearn TSNE on the raw vectors": ("`TSNE` of scikit-learn, raw vectors", "(to compare with)"),
    }
    return table(
        ["`--method`", "trustworthiness", "nearest 10 kept", "seconds", "CPU seconds", "peak memory", "good for"],
        (
            [
                name,
                f"{found[key]['against']['searched']['trustworthiness']:.3f}",
                percent(found[key]["against"]["searched"]["neighbors_kept"], 0),
                f"{found[key]['seconds']:.1f}",
                f"{found[key]['cpu_seconds']:.1f}",
                f"{found[key]['peak_mb']} MB",
                use,
            ]
            for key, (name, use) in good.items()
        ),
    )


def duplicates() -> str:
    sets = result("duplicates")["sets"]
    keys = ("recall", "precision", "vectors alone, recall at precision 0.99", "pHash alone, recall at precision 0.99")
    heads = ("recall", "precision", "recall of vectors alone", "recall of pHash alone")
    names = {"captions": "photos", "clothing": "garments"}
    tables = (
        table(
            [f"{sets[name]['photos']:,} {title}, edited by", *heads],
            ([edit, *(f"{of[key]:.3f}" for key in keys)] for edit, of in sets[name]["edits"].items()),
        )
        for name, title in names.items()
    )
    others = " and ".join(
        f"{len(of['originals called the same picture'])} pairs of {names[name]} ({of['ms per pair']} ms per pair)"
        for name, of in sets.items()
    )
    return "\n".join([*tables, f"Among the unedited originals, it named {others}.\n", look_alikes(), searches()])


def look_alikes() -> str:
    found = result("duplicates")["look-alikes"]
    named = {kind: len(of["called the same picture"]) for kind, of in found["kinds"].items()}
    wrong = ", ".join(f"{n} of {found['kinds'][kind]['pairs']} of the kind {kind}" for kind, n in named.items() if n)
    return (
        f"Of {found['pairs']:,} made-up pairs of {len(named)} kinds that look alike and show different things, "
        f"{found['called the same picture']} were called the same picture{f' ({wrong})' if wrong else ''}.\n"
    )


def searches() -> str:
    sets = result("duplicates")["sets"]
    rows = (
        [
            f"{of['photos']:,} images of {name}, {which} search",
            of[f"{which} search"]["CPU s"],
            of[f"{which} search"]["wall s"],
            f"{of[f'{which} search']['pairs compared']:,}",
        ]
        for name, of in sets.items()
        for which in ("first", "second")
    )
    return table(["a search for duplicates", "CPU s", "s", "pairs compared"], rows)


def feedback() -> str:
    found = result("feedback")
    rows = [
        [f"{title}, by {by}", marks, of["people"], f"{of['before']:.3f}", f"{of['after']:.3f}"]
        for name, title in (("clothing", "garments"), ("vehicles", "vehicles"))
        for key, by in (("words", "text"), ("image", "image"))
        for marks, of in found[name][key].items()
    ]
    times = found["milliseconds"]
    return (
        table(["search", "marks on the first 20 hits", "people", "precision before", "after"], rows)
        + "\n"
        + table(
            [f"time of a search, {times['images']:,} images", "without marks", "with 20 marks"],
            (
                [f"by {by}", f"{times[key]['without']:.1f} ms", f"{times[key]['with 20 marks']:.1f} ms"]
                for key, by in (("words", "text"), ("image", "image"))
            ),
        )
    )


def server() -> str:
    found = result("server")
    loads = {
        "load_alone": "64 clients, each asks again at once",
        "load_while_indexing": "the same, while images are indexed",
        "load_paced_alone": "64 clients, each asks every 4 seconds",
        "load_paced_while_indexing": "the same, while 2,000 images are indexed",
    }
    return (
        table(
            ["one search by", "in the library", "over HTTP", "added by HTTP, measured pair by pair"],
            (
                [
                    by,
                    f"{found['library'][key]['p50_ms']:.1f} ms",
                    f"{of['p50_ms']:.1f} ms",
                    f"{of['overhead_p50_ms']:.1f} ms",
                ]
                for key, by in (("id", "id"), ("words", "text"), ("image", "image"))
                for of in [found["served_one_client"][key]]
            ),
        )
        + "\n"
        + table(
            ["load", "searches per second", "failed", "by text: p50", "p99", "by image: p50", "p99"],
            (
                [title, of["per_second"], of["n_errors"]]
                + [f"{of[by][key]:.1f} ms" for by in ("words", "image") for key in ("p50_ms", "p99_ms")]
                for key, title in loads.items()
                for of in [found[key]]
            ),
        )
    )


def load() -> str:
    found = result("load")
    rows = [(name, of) for name, of in (("load", found.get("load")), ("soak", found.get("soak"))) if of]
    return table(
        [
            "",
            "requests",
            "503",
            "other 5xx or lost",
            "p50",
            "p99",
            "memory before",
            "at most",
            "after",
            "open files",
            "others",
        ],
        (
            [f"{of['clients']} clients for {of['seconds']:.0f} s", of["requests"], of["statuses"].get("503", 0)]
            + [of["n_faults"], f"{of['all']['p50_s']:.2f} s", f"{of['all']['p99_s']:.2f} s"]
            + [f"{of['before']['rss_mb']} MB", f"{of['settled']['peak_mb']} MB", f"{of['settled']['rss_mb']} MB"]
            + [f"{of['before']['open_files']}, then {of['settled']['open_files']}", of["others_running"]]
            for _, of in rows
        ),
    )


def five() -> str:
    """The five figures of the README, each of which is also in one of the other tables."""
    speed, size = result("throughput"), result("scale")
    sets = result("duplicates")["sets"].values()
    edits = [edit for of in sets for edit in of["edits"].values()]
    quality = result("quality")
    recall, precision = (min(edit[key] for edit in edits) for key in ("recall", "precision"))
    rows = [
        ["indexing photos of 500 px", f"{speed['default']['images_per_second']:.0f} images per second"],
        [f"a search by text among {size['first_run']['seen']:,} images", f"{size['by_words']['p50_ms']:.0f} ms"],
        [
            "the nearest of 2,462 garments is of the same class",
            percent(quality["clothing, default"]["labels"]["recall_at_1"]),
        ],
        [
            "the right one of 600 photos is among the first 10 for a caption",
            percent(quality["captions, default"]["words"]["recall_at_10"]),
        ],
        [
            f"edited duplicates found, {len(edits) // len(sets)} kinds of edit, the worst kind",
            f"{percent(recall)} at a precision of {precision:.1f}",
        ],
    ]
    return table([f"measured on {speed['machine']['cores']} CPU cores, no GPU", ""], rows)


def evaluation() -> str:
    found = result("evaluation")
    images = f"{found['images']:,} images"
    measured = ("hit@1", "precision@10", "mAP", "MAP@R")
    parts = [
        table(
            ["measured by", "CPU time", "memory beside that of the open index"],
            [
                [f"{found['labels']} labels, {found['queries']:,} of {images} as queries"]
                + [f"{found['by_labels_cpu_s']:,.0f} s", f"{found['by_labels_mb_more']:,} MB"],
                [f"{found['searches']:,} searches of {images}, 1,000 hits deep"]
                + [f"{found['searches_cpu_s']:,.0f} s", f"{found['searches_mb_more']:,} MB"],
            ],
        ),
        table(
            ["", *measured],
            [["by its labels"] + [f"{found['measures'][name]['mean']:.3f}" for name in measured]],
        ),
    ]
    return "\n".join(parts)


def leaves() -> str:
    found = result("nothing_leaves")
    alone = ", ".join(found["ONNX Runtime alone, without ImageFinder"]) or "nothing"
    rows = [[name, ", ".join(out) or "nothing"] for name, out in found["commands"].items()]
    return table(["command", "looked up or tried to reach"], [*rows, ["ONNX Runtime alone, for a minute", alone]])


def ocr() -> str:
    found = result("ocr")
    text = found["text"]
    kinds = {"by_kind": "", "by_change": "", "by_long_side": "long side "}
    words = [
        [f"{before}{name}", number, percent(share)]
        for group, before in kinds.items()
        for name, (number, share) in text[group].items()
    ]
    phrases = [
        [f"`{way.replace('WORDS', 'three words')}`", percent(share)] for way, share in text["phrase_r_at_1"].items()
    ]
    photos = [
        [name, f"{row['long_side']:,} px", row["photos"], row["text"], f"{row['cpu_s']:.3f}"]
        + [f"{10_000 * row['cpu_s'] / 60:.0f} minutes"]
        for name, row in found["photos"].items()
    ]
    said = (
        f"{percent(text['words_wrong'])} of the words that were read are not in the picture. In {text['none_found']} "
        f"pictures no text was found. An image took {text['cpu_s']:.2f} s."
    )
    everything = ["all", text["pictures"], percent(text["words_read"])]
    return "\n".join(
        (
            table(["pictures with text", "number", "words read"], [everything, *words]),
            f"{said}\n",
            table(["searched for", f"R@1 of {text['phrases']} phrases"], phrases),
            table(["photos of", "long side", "number", "with text", "seconds an image", "10,000 of them"], photos),
        )
    )


def ocr_ways() -> str:
    ways = result("ocr")["ways"]
    sets = ("text", "captions", "clothing", "vehicles")
    return table(
        ["way", "pictures with text", *(f"photos of {name}" for name in sets[1:]), "ms for text", "ms for a photo"],
        (
            [way, *(percent(row[name], 0) for name in sets), row["cpu_ms_text"], row["cpu_ms_photos"]]
            for way, row in ways.items()
        ),
    )


def renderers() -> str:
    candidates = result("map_renderers")["candidates"]
    sizes = ("22,914", "1,000,000")

    def cells(of: dict[str, Any]) -> list[str]:
        drawn = [f"{of[n]['pan_ms']['mean']:,.0f} ms" if "pan_ms" in of[n] else "draws nothing" for n in sizes]
        policy = "works" if of["under_the_pages_policy"] == "works" else "fails"
        return [f"{of['gzip_bytes'] / 1000:.0f} kB", policy, *drawn]

    return table(
        ["renderer", "gzip", "under the page's security policy", *(f"a frame, {n} points" for n in sizes)],
        ([name, *cells(of)] for name, of in candidates.items()),
    )


def hostile() -> str:
    """What files cost that were made to cost much, when they are indexed."""
    found = result("hostile_files")
    rows = []
    for name, of in found["made"].items():
        cost = of["indexed"]
        came = cost["outcome"].partition(":")[0].partition(",")[0]
        kind = name.replace("_", " ")
        rows.append([kind, f"{of['bytes']:,}", came, f"{cost['cpu_s']:.1f}", cost["mb"]])
    random = found["damaged"]
    rows.append([f"{random['files']:,} damaged at random", "", "", f"{random['slowest_s']} (slowest)", random["mb"]])
    return table(["file", "bytes", "outcome", "seconds of a processor", "MB of memory"], rows)


def formats() -> str:
    """What a picture of each of the further formats costs, and a page or frame."""
    found = result("formats")
    rows = [[name, f"{of['indexed']:,.0f}", f"{of['in full']:,.0f}", ""] for name, of in found["pictures"].items()]
    rows += [
        [name, f"{of['indexed']:,.0f}", f"{of['in full']:,.0f}", f"{of['found']:,.0f}"]
        for name, of in found["files"].items()
    ]
    return table(["one picture, page or frame of", "indexed", "in full", "looked through"], rows)


def buckets() -> str:
    """How fast images of a bucket are indexed beside local files, by the latency of the network."""
    found = result("buckets")
    rows = [
        [
            "local files" if way == "local" else f"a bucket at {way}",
            f"{of['seconds']:.1f}",
            f"{of['processor']:.1f}",
            f"{of['share_of_local']:.0%}",
            f"{of['share_of_local_by_processor']:.0%}",
        ]
        for way, of in found["ways"].items()
    ]
    load = f"{found['load_before']:.0f} to {found['load_after']:.0f}"
    head = [
        f"{found['images']:,} images, load {load}",
        "seconds",
        "of a processor",
        "share of the local rate",
        "by processor",
    ]
    return table(head, rows)
