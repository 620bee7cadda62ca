"""
The pictures of the page as SVG text.

Colours are classes of the page's style sheet, so that light, dark and print need no second picture.
Labels come in both languages and the style sheet shows one; a tooltip holds both.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from orchestration.readers.journey_map.reading import ENOUGH, Label, Row

Attributes = str | float | int


def element(name: str, content: object = "", **attributes: Attributes) -> Markup:
    """One SVG element; `class_` and `text_anchor` become `class` and `text-anchor`."""
    parts = Markup("").join(
        Markup(' {}="{}"').format(
            key.rstrip("_").replace("_", "-"),
            f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else value,
        )
        for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), parts, content)


def texts(label: Label, **attributes: Attributes) -> Markup:
    """A text in each language, of which the page shows one."""
    return element("text", label.ja, lang="ja", **attributes) + element(
        "text", label.en, lang="en", **attributes
    )


def tooltip(label: Label, what: str) -> Markup:
    """What a pointer, or a screen reader, gets for a shape."""
    return element("title", f"{label.ja} / {label.en}: {what}")


def drawing(name: Label, width: float, height: float, content: Markup) -> Markup:
    """The picture as a whole, named for who cannot see it."""
    return element(
        "svg",
        content,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_label=f"{name.ja} / {name.en}",
        style=f"min-width:{min(width, 620):.0f}px",
    )


def satisfaction(name: Label, stages: Sequence[Row]) -> Markup:
    """Mean score per stage on 0 to 100, with its interval; grey on little data."""
    step, height = 160.0, 150.0

    def y(score: float) -> float:
        return 120 - 100 * max(0.0, min(1.0, score))

    content = Markup("")
    for score in (0, 0.5, 1):
        content += element("line", class_="grid", x1=0, x2=step * len(stages), y1=y(score),
                           y2=y(score))  # fmt: skip
        content += element("text", f"{score * 100:.0f}", class_="axis", x=2, y=y(score) - 3)
    points = []
    for number, stage in enumerate(stages):
        x = step * (number + 0.5)
        label = Label(stage["name_ja"], stage["name_en"])
        if stage["score"] is None:
            content += texts(Label("データなし", "no data"), class_="axis", x=x, y=75,
                             text_anchor="middle")  # fmt: skip
            continue
        kind = "series" if stage["answers"] >= ENOUGH else "little"
        margin = stage["margin"] or 0.0
        points.append(f"{x:.0f},{y(stage['score']):.1f}")
        shape = element("line", class_=f"{kind} line", x1=x, x2=x, y1=y(stage["score"] - margin),
                        y2=y(stage["score"] + margin))  # fmt: skip
        shape += element("circle", class_=kind, cx=x, cy=y(stage["score"]), r=6)
        what = f"{stage['score'] * 100:.0f} ± {margin * 100:.0f}, n = {stage['answers']:,}"
        content += element("g", tooltip(label, what) + shape)
        content += element("text", f"{stage['score'] * 100:.0f} (n {stage['answers']:,})", x=x,
                           y=height - 8, text_anchor="middle")  # fmt: skip
    line = element("polyline", class_="curve", points=" ".join(points))
    return drawing(name, step * len(stages), height, line + content)


def bars(name: Label, rows: Sequence[tuple[Label, float, str, float | None]]) -> Markup:
    """Horizontal bars: label, length, what stands beside it, and the part of it that is marked."""
    most = max((length for _, length, _, _ in rows), default=0) or 1
    content = Markup("")
    for number, (label, length, what, part) in enumerate(rows):
        y = 34 * number
        width = max(460 * length / most, 1.0)
        shape = element("rect", class_="series", x=180, y=y + 4, width=width, height=24, rx=3)
        if part:
            marked = min(460 * part / most, width)
            shape += element("rect", class_="warn", x=180 + width - marked, y=y + 4, width=marked,
                             height=24, rx=3)  # fmt: skip
        content += element("g", tooltip(label, what) + shape)
        content += texts(label, x=172, y=y + 21, text_anchor="end")
        content += element("text", what, class_="value", x=188 + width, y=y + 21)
    return drawing(name, 900, max(34 * len(rows), 34), content)


def ranges(name: Label, rows: Sequence[tuple[Label, float, float, bool, str]]) -> Markup:
    """From the lowest to the highest value of each row; those that a flag marks stand out."""
    most = max((highest for _, _, highest, _, _ in rows), default=0) or 1
    content = Markup("")
    for number, (label, lowest, highest, is_marked, what) in enumerate(rows):
        y = 30.0 * number + 15
        left, right = 180 + 460 * max(lowest, 0) / most, 180 + 460 * max(highest, 0) / most
        kind = "warn" if is_marked else "series"
        shape = element("line", class_=f"{kind} range", x1=left, x2=right + 0.1, y1=y, y2=y)
        shape += element("circle", class_=kind, cx=left, cy=y, r=5)
        shape += element("circle", class_=kind, cx=right, cy=y, r=5)
        content += element("g", tooltip(label, what) + shape)
        content += texts(label, x=172, y=y + 5, text_anchor="end")
        content += element("text", ("▲ " if is_marked else "") + what, class_="value",
                           x=right + 14, y=y + 5)  # fmt: skip
    return drawing(name, 900, max(30 * len(rows), 30), content)


def heat_map(name: Label, cells: dict[tuple[str, int], float], sizes: dict[str, int]) -> Markup:
    """Cohorts down, months since across; the deeper, the more came back."""
    months = max((since for _, since in cells), default=0)
    content = Markup("")
    for since in range(months + 1):
        content += element("text", str(since), class_="axis", x=150 + 52 * since + 26, y=14,
                           text_anchor="middle")  # fmt: skip
    for number, (cohort, size) in enumerate(sizes.items()):
        y = 22 + 30 * number
        content += element("text", f"{cohort} (n {size:,})", x=142, y=y + 19, text_anchor="end")
        for since in range(months + 1):
            rate = cells.get((cohort, since))
            if rate is None:
                continue
            shape = element("rect", class_="heat", x=150 + 52 * since, y=y, width=50, height=28,
                            rx=3, fill_opacity=f"{0.06 + 0.54 * min(rate, 1):.2f}")  # fmt: skip
            label = Label(f"{cohort} から{since}か月", f"{cohort}, month {since}")
            content += element("g", tooltip(label, f"{rate:.0%}") + shape)
            content += element("text", f"{rate:.0%}", x=150 + 52 * since + 25, y=y + 19,
                               text_anchor="middle")  # fmt: skip
    return drawing(name, 160 + 52 * (months + 1), 26 + 30 * len(sizes), content)


def curve(*points: tuple[float, float]) -> str:
    """Path of a cubic curve from the first of four points to the last."""
    start, *others = (f"{x:.1f},{y:.1f}" for x, y in points)
    return f"M{start} C{' '.join(others)}"


def flows(name: Label, stages: Sequence[Row], transitions: Sequence[Row]) -> Markup:
    """
    Sankey of the moves between stages.

    Who enters a stage comes from above, who lapses falls below; returns, in a later journey,
    come from above too, in another colour.
    """
    order = {stage["stage"]: number for number, stage in enumerate(stages)}
    labels = {stage["stage"]: Label(stage["name_ja"], stage["name_en"]) for stage in stages}
    coming: dict[str, list[Row]] = {stage: [] for stage in order}
    going: dict[str, list[Row]] = {stage: [] for stage in order}
    for move in transitions:
        if move["to_stage"] in order:
            coming[move["to_stage"]].append(move)
        if move["from_stage"] in order:
            going[move["from_stage"]].append(move)
    totals = {
        stage: max(sum(m["moves"] for m in coming[stage]), sum(m["moves"] for m in going[stage]))
        for stage in order
    }
    scale = 170 / (max(totals.values(), default=0) or 1)
    step, top, width = 150.0, 70.0, 14.0
    left = {stage: 80 + step * number for stage, number in order.items()}
    entered = dict.fromkeys(order, top)  # how far down each side of a stage is taken
    left_at = dict.fromkeys(order, top)
    nodes, links = Markup(""), Markup("")

    def thick(move: Row) -> float:
        return max(float(move["moves"]) * scale, 1.0)

    for stage in order:  # moves on, the nearest first
        for move in sorted(going[stage], key=lambda m: order.get(m["to_stage"], 99)):
            if move["to_stage"] not in order:
                continue
            size, target = thick(move), move["to_stage"]
            y1, y2 = left_at[stage] + size / 2, entered[target] + size / 2
            left_at[stage] += size
            entered[target] += size
            x1, x2 = left[stage] + width, left[target]
            middle = (x1 + x2) / 2
            path = curve((x1, y1), (middle, y1), (middle, y2), (x2, y2))
            what = Label(f"{labels[stage].ja} → {labels[target].ja}",
                         f"{labels[stage].en} → {labels[target].en}")  # fmt: skip
            shape = element("path", tooltip(what, f"{move['moves']:,}"), class_="flow", d=path,
                            stroke_width=size)  # fmt: skip
            links += shape
            if move["transition_type"] == "advance":
                links += element("text", f"{move['moves']:,}", class_="value", x=middle,
                                 y=(y1 + y2) / 2 + 4, text_anchor="middle")  # fmt: skip
    bottom = top + 170
    for stage in order:
        for move in coming[stage]:
            if move["from_stage"] in order:
                continue
            size = thick(move)
            kind = "back" if move["transition_type"] == "return" else "enter"
            y = entered[stage] + size / 2
            entered[stage] += size
            x = left[stage]
            path = curve((x - 34, top - 26), (x - 30, y), (x - 16, y), (x, y))
            what = Label("戻り" if kind == "back" else "流入",
                         "return" if kind == "back" else "entry")  # fmt: skip
            links += element("path", tooltip(what, f"{move['moves']:,}"), class_=f"flow {kind}",
                             d=path, stroke_width=min(size, 40.0))  # fmt: skip
        arrivals = [m for m in coming[stage] if m["from_stage"] not in order]
        if arrivals:
            count = sum(m["moves"] for m in arrivals)
            links += element("text", f"+{count:,}", class_="value", x=left[stage] - 36,
                             y=top - 30, text_anchor="middle")  # fmt: skip
        lapses = sum(m["moves"] for m in going[stage] if m["to_stage"] not in order)
        if lapses:
            size = max(lapses * scale, 1.0)
            y = left_at[stage] + size / 2
            x = left[stage] + width
            path = curve((x, y), (x + 22, y), (x + 30, y + 10), (x + 34, bottom + 24))
            what = Label(f"{labels[stage].ja}から離脱", f"left from {labels[stage].en}")
            links += element("path", tooltip(what, f"{lapses:,}"), class_="flow leak", d=path,
                             stroke_width=min(size, 40.0))  # fmt: skip
            links += element("text", f"−{lapses:,}", class_="value", x=x + 34, y=bottom + 42,
                             text_anchor="middle")  # fmt: skip
        height = max(totals[stage] * scale, 2.0)
        nodes += element("rect", tooltip(labels[stage], f"{totals[stage]:,}"), class_="node",
                         x=left[stage], y=top, width=width, height=height)  # fmt: skip
        nodes += texts(labels[stage], class_="head", x=left[stage] + width / 2, y=20,
                       text_anchor="middle")  # fmt: skip
    return drawing(name, 80 + step * len(order), bottom + 52, links + nodes)


def attainment(rate: float) -> Markup:
    """A small bar of how far a target is reached; full at 100 %."""
    kind = "good" if rate >= 1 else "warn"
    width = 80 * max(0.0, min(rate, 1.0))
    content = element("rect", class_="track", width=80, height=10, rx=3)
    content += element("rect", class_=kind, width=width, height=10, rx=3)
    return element("svg", content, class_="small", viewBox="0 0 80 10", width=80, height=10,
                   aria_hidden="true")  # fmt: skip
