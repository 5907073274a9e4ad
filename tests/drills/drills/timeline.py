"""One run of a drill as a picture: who answered for the VIPs, which amphora answered which client, and where nobody did."""

import html

WIDTH, LEFT, RIGHT = 1000, 132, 16
NODE_ROW, CLIENT_ROW, SPACE = 15, 7, 3
EVENT_LINE = 13
GAP_SHOWN_MS = 60  # below, a hole is the generator's own: see the drill `baseline`


class Scale:
    def __init__(self, seconds):
        self.seconds = max(seconds, 0.001)

    def x(self, at):
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(at, 0.0), self.seconds) / self.seconds

    def bar(self, kind, begin, end, y, height, title=""):
        """A rectangle; never thinner than a hair, so that nothing that happened is invisible."""
        x = self.x(begin)
        width = max(self.x(end) - x, 0.8)
        note = f"<title>{html.escape(title)}</title>" if title else ""
        return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}">{note}</rect>'

    def step(self):
        """Seconds between two marks of the axis: at most ten marks."""
        return next(step for step in (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300) if self.seconds / step <= 10 or step == 300)


def draw(timeline):
    """The SVG, as text."""
    scale = Scale(timeline["seconds"])
    amphorae = sorted({run[2] for client in timeline["clients"] for run in client["runs"]})
    parts, y = events(timeline, scale)
    for node, states in sorted(timeline["owners"].items()):
        parts.append(label(f"{node} answers", y + NODE_ROW - 4))
        parts += [scale.bar(f"gate-{state}", begin, end, y, NODE_ROW, f"{node}: gate {state} for {(end - begin) * 1000:.0f} ms") for begin, end, state in states]
        y += NODE_ROW + SPACE
    y += SPACE
    top = y
    parts.append(label("clients,", y + 12))
    parts.append(label("worst first", y + 25))
    for client in timeline["clients"]:
        parts += [scale.bar(f"amphora a{amphorae.index(name) % 6}", begin, end, y, CLIENT_ROW - 2, f"{client['client']}: {name}")
                  for begin, end, name in client["runs"]]
        y += CLIENT_ROW
    parts += gap(timeline, scale, top, y)
    parts += axis(scale, y + 4)
    height = y + 26
    marks = "".join(f'<line class="event" x1="{scale.x(at):.1f}" x2="{scale.x(at):.1f}" y1="{line - 3}" y2="{y}"/>'
                    for line, (at, _) in zip(event_lines(timeline), timeline["events"]))
    return (f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="timeline">'
            f'{marks}{"".join(parts)}</svg>'), amphorae


def label(text, y):
    return f'<text class="label" x="{LEFT - 8}" y="{y:.0f}" text-anchor="end">{html.escape(text)}</text>'


def event_lines(timeline):
    return [EVENT_LINE * (index + 1) for index in range(len(timeline["events"]))]


def events(timeline, scale):
    """Each event's words on a line of its own, at its time; and where the rows begin."""
    parts = []
    for y, (at, words) in zip(event_lines(timeline), timeline["events"]):
        x, anchor = scale.x(at) + 5, "start"
        if x > WIDTH * 0.75:
            x, anchor = x - 10, "end"
        parts.append(f'<text class="words" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{html.escape(words)} <tspan class="when">{at:.2f} s</tspan></text>')
    return parts, EVENT_LINE * len(timeline["events"]) + 10


def gap(timeline, scale, top, bottom):
    """The worst client's longest gap, over all rows."""
    worst = timeline["clients"][0] if timeline["clients"] else None
    if worst is None or worst["gap_ms"] < GAP_SHOWN_MS:
        return []
    begin, end = worst["gap_at"], worst["gap_at"] + worst["gap_ms"] / 1000
    x, anchor = scale.x(end) + 5, "start"
    if x > WIDTH * 0.8:
        x, anchor = scale.x(begin) - 5, "end"
    return [scale.bar("gap", begin, end, top - 2, bottom - top + 2, f"the worst client had no answer for {worst['gap_ms']:.0f} ms"),
            f'<text class="gap-words" x="{x:.1f}" y="{(top + bottom) / 2 + 4:.0f}" text-anchor="{anchor}">{worst["gap_ms"]:.0f} ms</text>']


def axis(scale, y):
    parts = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>']
    step, count = scale.step(), 0
    while (at := step * count) <= scale.seconds:
        parts.append(f'<line class="axis" x1="{scale.x(at):.1f}" x2="{scale.x(at):.1f}" y1="{y}" y2="{y + 4}"/>'
                     f'<text class="tick" x="{scale.x(at):.1f}" y="{y + 15}" text-anchor="middle">{at:g} s</text>')
        count += 1
    return parts
