"""Rows of --json on one page: for each number of threads, the fraction of the read bandwidth by shape, width and group; and the best peers."""

from __future__ import annotations

from collections.abc import Sequence

from cases import WIDTHS

Rows = Sequence[dict[str, object]]


def _groups(rows: Rows) -> list[str]:
    found = {str(row["name"]).split("/")[3] for row in rows}
    return sorted(found, key=lambda group: (group == "channel", len(group), group))


def fractions(rows: Rows, threads: int) -> str:
    """A Markdown table: a line for each width and group, a column for each shape."""
    cells: dict[tuple[str, str, str], str] = {}
    for row in rows:
        if str(row["name"]).startswith("gemv/") and row["threads"] == threads:
            _, shape, width, group, _ = str(row["name"]).split("/")
            cells[shape, width, group] = f"{float(str(row['roofline_fraction'])) * 100:.0f}"
    shapes = list(dict.fromkeys(shape for shape, _, _ in cells))
    # Large ones first: that is what memory bounds.
    shapes.sort(key=lambda shape: -min(2**22, int(shape.split("x")[0]) * int(shape.split("x")[1])))
    groups = _groups([row for row in rows if str(row["name"]).startswith("gemv/") and row["threads"] == threads])
    lines = [f"| bits | group | {' | '.join(shapes)} |", "|" + "---|" * (len(shapes) + 2)]
    for width in WIDTHS:
        for group in groups:
            values = [cells.get((shape, width, group), "") for shape in shapes]
            if any(values):
                lines.append(f"| {width} | {group.removeprefix('g')} | {' | '.join(values)} |")
    return "\n".join(lines)


def ratios(rows: Rows) -> str:
    """A Markdown table: the fastest peer of each case that has one."""
    best: dict[str, dict[str, object]] = {}
    for row in rows:
        name = str(row["name"])
        if row.get("peer_ns") and not name.startswith(("cost/", "model/")):
            if name not in best or float(str(row["peer_ns"])) < float(str(best[name]["peer_ns"])):
                best[name] = row
    if not best:
        return ""
    lines = ["| case | us | best peer | its us | ratio |", "|---|---|---|---|---|"]
    for name, row in best.items():
        own, peer = float(str(row["median_ns"])) / 1e3, float(str(row["peer_ns"])) / 1e3
        lines.append(f"| {name} | {own:.0f} | {row['peer']} | {peer:.0f} | {peer / own:.2f} |")
    return "\n".join(lines)


#: The fastest engines that we know of for one row of activations by 4096x4096, and a type of llama.cpp's beside which each was timed: on another machine (Skylake-SP,
#: one thread, weights from memory), the engine's microseconds and llama.cpp's. What the engine would take here is that share of llama.cpp's time here, where it is no peer.
KNOWN = {
    "4": ("ik_llama.cpp q4_k_r4", 1127, "Q4_K", 1416),
    "3": ("ik_llama.cpp q3_k_r4", 1215, "Q3_K", 1531),
    "2": ("ik_llama.cpp q2_k_r4", 888, "Q2_K", 1072),
    "ternary": ("LUT-MM, 1.6 bits", 514, "TQ2_0", 718),
    "1": ("ik_llama.cpp q1_0_g128", 828, "Q1_0", 1131),
}


def known(rows: Rows) -> str:
    """A Markdown table: one row of activations by 4096x4096 on one thread beside the fastest engines known, through llama.cpp."""
    lines = [
        "| bits | us | llama.cpp | its us | fastest engine known | its share | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    peers = {str(row.get("peer")).casefold() for row in rows}
    for width, (engine, engine_us, kind, kind_us) in KNOWN.items():
        for row in rows if engine.casefold() not in peers else ():
            peer = str(row.get("peer"))
            if row["name"] == f"gemv/4096x4096/{width}/g128/t1" and peer.removesuffix(" repacked") == f"ggml {kind}":
                own, its, share = (
                    float(str(row["median_ns"])) / 1e3,
                    float(str(row["peer_ns"])) / 1e3,
                    engine_us / kind_us,
                )
                ratio = its * share / own
                lines.append(f"| {width} | {own:.0f} | {peer} | {its:.0f} | {engine} | {share:.2f} | {ratio:.2f} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def overview(rows: Rows) -> str:
    """All of it."""
    counts = sorted({int(str(row["threads"])) for row in rows if str(row["name"]).startswith("gemv/")})
    parts = [
        f"Percent of the read bandwidth, {count} thread{'s' * (count > 1)}:\n\n{fractions(rows, count)}"
        for count in counts
    ]
    if table := ratios(rows):
        parts.append(f"Beside the fastest peer:\n\n{table}")
    if table := known(rows):
        parts.append(f"Beside the fastest engines known, through llama.cpp:\n\n{table}")
    return "\n\n".join(parts)
