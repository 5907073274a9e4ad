"""The report: one HTML page without network or script, or its table as Markdown."""

import html as escaping

from drills.timeline import draw

STYLE = """
:root { --ink:#1c2430; --soft:#5d6878; --line:#d8dee6; --page:#f6f7f9; --card:#fff; --good:#17794a; --goodbg:#e0f4e8; --bad:#b3261e;
  --badbg:#fde7e5; --open:#2f6fde; --closed:#e3e8ef; --off:#8b95a3; --gap:#d93025; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6eaf0; --soft:#9aa5b4; --line:#343c48; --page:#14181e; --card:#1c222b;
  --good:#5cd394; --goodbg:#173526; --bad:#ff8a80; --badbg:#44201e; --open:#6aa0ff; --closed:#2c343f; --off:#596473; --gap:#ff6b60; } }
* { box-sizing:border-box } body { margin:0; background:var(--page); color:var(--ink); font:15px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif }
main { max-width:1280px; margin:0 auto; padding:32px 24px 64px } h1 { font-size:26px; margin:0 0 4px } h2 { font-size:19px; margin:40px 0 10px }
h3 { font-size:16px; margin:0; display:flex; gap:10px; align-items:center; flex-wrap:wrap } p { margin:6px 0 } .soft { color:var(--soft) } .small { font-size:13px }
.card { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:16px 18px; margin:14px 0 }
.totals { display:flex; gap:12px; flex-wrap:wrap; margin:18px 0 } .totals div { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:10px 16px }
.totals b { display:block; font-size:22px } .scroll { overflow-x:auto }
table { border-collapse:collapse; width:100%; font-size:13px; background:var(--card) } th,td { padding:5px 7px; border-bottom:1px solid var(--line); text-align:right; white-space:nowrap }
th { color:var(--soft); font-weight:600; vertical-align:bottom; white-space:normal } th:first-child,td:first-child { text-align:left } td.what { text-align:left; white-space:normal }
a { color:inherit; text-decoration-color:var(--line) } .yes,.no,.skip { border-radius:99px; padding:1px 9px; font-size:12px; font-weight:600 }
.yes { color:var(--good); background:var(--goodbg) } .no { color:var(--bad); background:var(--badbg) } .skip { color:var(--soft); background:var(--closed) }
.bad { color:var(--bad) } .key { display:flex; gap:16px; flex-wrap:wrap; font-size:12px; color:var(--soft); margin-top:4px }
.key i { display:inline-block; width:12px; height:10px; border-radius:2px; margin-right:5px }
svg { width:100%; height:auto; display:block; margin-top:10px; font:11px system-ui,"DejaVu Sans",sans-serif }
.label,.tick,.when { fill:var(--soft) } .words { fill:var(--ink) } .axis { stroke:var(--soft); stroke-width:1 } .event { stroke:var(--ink); stroke-width:1; stroke-dasharray:3 3; opacity:.55 }
.gate-open { fill:var(--open) } .gate-closed { fill:var(--closed) } .gate-off { fill:var(--off) }
.gap { fill:var(--gap); opacity:.16 } .gap-words { fill:var(--gap); font-weight:700; font-size:13px }
.a0 { fill:#2a9d8f; background:#2a9d8f } .a1 { fill:#e9a23b; background:#e9a23b } .a2 { fill:#8e6bbf; background:#8e6bbf } .a3 { fill:#e0719e; background:#e0719e }
.a4 { fill:#4f9bd9; background:#4f9bd9 } .a5 { fill:#97a93d; background:#97a93d }
"""

HEADS = ("drill", "runs", "outage median", "p99", "worst", "budget", "packets lost", "broken", "moved", "changes lost", "requests failed",
         "redundant again", "verdict")


def ms(value):
    return "&ndash;" if value is None else f"{value:,.0f} ms"


def budget_words(budget):
    parts = []
    if "outage_ms" in budget:
        parts.append(f"{budget['outage_ms']} ms")
    if "packets_lost" in budget:
        parts.append(f"{budget['packets_lost']} packets")
    return ", ".join(parts) or "&ndash;"


def cells(one):
    """The row of a drill, as HTML text without tags but for the dash."""
    if "skipped" in one:
        return [one["name"], *["&ndash;"] * (len(HEADS) - 2), "skipped"]
    if "outage_ms_median" not in one:
        return [one["name"], str(one["runs"]), *["&ndash;"] * (len(HEADS) - 3), "missed"]
    return [one["name"], str(one["runs"]), ms(one["outage_ms_median"]), ms(one["outage_ms_p99"]), ms(one["outage_ms_worst"]),
            budget_words(one["budget"]), f"{one['packets_lost']:,}", f"{one['connections_broken']} of {one['connections'] * (one['runs'] - one['failed_runs']):,}",
            f"{one['clients_moved']} of {one['clients']:,}", f"{one['pair_changes_lost']} of {one['changes_pair']:,}",
            f"{one['requests_failed']} of {one['requests']:,}", ms(one["redundant_again_ms"]), "met" if one["budget_met"] else "missed"]


def badge(verdict):
    kind = {"met": "yes", "missed": "no"}.get(verdict, "skip")
    return f'<span class="{kind}">{verdict}</span>'


def anchor(one):
    return f"{one['name']}-{one['profile']}"


def profiles(whole):
    return list(dict.fromkeys(one["profile"] for one in whole["drills"]))


def table(drills):
    head = "".join(f"<th>{name}</th>" for name in HEADS)
    rows = []
    for one in drills:
        first, *middle, verdict = cells(one)
        rows.append(f'<tr><td><a href="#{anchor(one)}">{first}</a></td>' + "".join(f"<td>{cell}</td>" for cell in middle) + f"<td>{badge(verdict)}</td></tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def section(one):
    verdict = cells(one)[-1]
    parts = [f'<section class="card" id="{anchor(one)}"><h3>{one["name"]} {badge(verdict)} <span class="soft small">{one["profile"]} profile</span></h3>',
             f'<p>{escaping.escape(one["what"])}.</p>']
    if one.get("note"):
        parts.append(f'<p class="soft small">{escaping.escape(one["note"])}</p>')
    if "skipped" in one:
        parts.append(f'<p class="soft">SKIPPED: {escaping.escape(one["skipped"])}</p>')
    for line in one.get("missed", []):
        parts.append(f'<p class="bad small">missed: {escaping.escape(line)}</p>')
    if one.get("shown"):
        picture, amphorae = draw(one["shown"])
        worst = f"the worst of {one['runs']} runs" if one["runs"] > 1 else "the run"
        keys = [("background:var(--open)", "answers for the VIPs"), ("background:var(--closed)", "does not"), ("background:var(--off)", "no Open vSwitch")]
        spans = "".join(f'<span><i style="{style}"></i>{words}</span>' for style, words in keys)
        spans += "".join(f'<span><i class="a{index % 6}"></i>answered by {escaping.escape(name)}</span>' for index, name in enumerate(amphorae))
        parts.append(f'{picture}<div class="key">{spans}<span>shown: {worst}, {len(one["shown"]["clients"])} of its clients</span></div>')
    return "".join(parts) + "</section>"


def html_totals(whole):
    judged = [one for one in whole["drills"] if "skipped" not in one]
    met = sum(1 for one in judged if one["budget_met"])
    runs = sum(one["runs"] for one in judged)
    changes = sum(one.get("changes_pair", 0) for one in judged)
    lost = sum(one.get("pair_changes_lost", 0) for one in judged)
    broken = sum(one.get("connections_broken", 0) for one in judged)
    moved = sum(one.get("clients_moved", 0) for one in judged)
    boxes = ((f"{met} of {len(judged)}", "drills within budget"), (f"{runs}", "runs"), (f"{moved}", "clients moved"), (f"{broken}", "connections broken"),
             (f"{lost} of {changes:,}", "changes on both disks lost"))
    return '<div class="totals">' + "".join(f"<div><b>{value}</b>{words}</div>" for value, words in boxes) + "</div>"


def origin_words(origin):
    machine = origin["machine"]
    return f"{origin['when']} &middot; {machine['cpus']} CPUs, {escaping.escape(machine['system'])} &middot; <code>{escaping.escape(origin['command'])}</code>"


def html_page(title, body):
    return (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n")


def html(whole):
    body = ["<h1>Drills of the distributor pair</h1>", '<p class="soft">Something dies, pauses, is cut off, comes back or is changed; what clients, '
            "connections and registrations saw of it.</p>", html_totals(whole)]
    for profile in profiles(whole):
        body.append(f"<h2>Against the budgets: {profile} profile</h2>")
        body.append(table([one for one in whole["drills"] if one["profile"] == profile]))
    body.append('<p class="soft small">Outage: the longest gap between two answers that one client saw, less its sending interval; median over clients, then over runs. '
                "p99 over all clients and runs, from 100 runs on. Worst: of any client in any run. Redundant again: from the last step until both nodes are in sync.</p>")
    body.append("<h2>What happened when</h2>")
    body += [section(one) for one in whole["drills"]]
    body.append("<h2>Where this comes from</h2>" + "".join(f'<p class="soft small">{origin_words(origin)}</p>' for origin in whole["origins"]))
    return html_page("Drills of the distributor pair", "".join(body))


def markdown(whole):
    lines = []
    for profile in profiles(whole):
        lines += [f"## {profile[0].upper()}{profile[1:]} profile", "", "| " + " | ".join(HEADS) + " |", "|---|" + "---:|" * (len(HEADS) - 1)]
        lines += ["| " + " | ".join(cell.replace("&ndash;", "-") for cell in cells(one)) + " |" for one in whole["drills"] if one["profile"] == profile]
        lines.append("")
        missed = [f"- `{one['name']}`: {line}" for one in whole["drills"] if one["profile"] == profile for line in one.get("missed", [])]
        lines += ["Missed:", "", *missed, ""] if missed else []
    lines += ["Measured:", "", *(f"- {origin['when']}, {origin['machine']['cpus']} CPUs, {origin['machine']['system']}"
                                 f"{', real-time priority' if origin['machine'].get('realtime') else ''}: `{origin['command']}`" for origin in whole["origins"]), ""]
    return "\n".join(lines)
