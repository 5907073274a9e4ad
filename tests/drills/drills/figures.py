"""From the runs of a drill to the figures that are quoted, and the verdict against budgets.toml."""

import math
import os
import statistics
import tomllib

FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "budgets.toml")
RUNS_FOR_P99 = 100


def load(path=FILE):
    with open(path, "rb") as file:
        return tomllib.load(file)


def budget_of(budgets, key, profile):
    """{figure: limit} of a drill; KeyError if the file does not know it."""
    own = budgets[key]
    plain = {name: value for name, value in own.items() if not isinstance(value, dict)}
    return {**budgets["everywhere"], **plain, **own.get(profile, {})}


def percentile(values, share):
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summarise(drill, profile, samples, clients, budgets):
    """samples: of sample.py; a run that did not come to its end is {"error": text}."""
    good = [sample for sample in samples if "error" not in sample]
    errors = [sample["error"] for sample in samples if "error" in sample]
    summary = {"name": drill.name, "what": drill.what, "note": drill.note, "profile": profile, "runs": len(samples), "clients": clients,
               "failed_runs": len(errors), "errors": errors[:3]}
    limits = budget_of(budgets, drill.budget, profile)
    if good:
        summary.update(figures(good))
    summary["budget"] = limits
    summary["missed"] = missed(summary, limits, budgets["noise_ms"]) if good else []
    if errors:
        summary["missed"].append(f"{len(errors)} of {len(samples)} runs did not end in sync: {errors[0]}")
    summary["budget_met"] = not summary["missed"]
    return summary


def figures(good):
    def most(key):
        return max(sample[key] for sample in good)

    def total(key):
        return sum(sample[key] for sample in good)

    def middle(key):
        return round(statistics.median(sample[key] for sample in good), 1)

    gaps = [gap for sample in good for gap in sample["gaps_ms"]]
    return {
        "outage_ms_median": middle("outage_ms_median"),
        "outage_ms_p99": round(percentile(gaps, 0.99), 1) if len(good) >= RUNS_FOR_P99 else None,
        "outage_ms_worst": most("outage_ms_worst"),
        "packets_sent": total("packets_sent"), "packets_lost": total("packets_lost"), "packets_lost_worst": most("packets_lost"),
        "connections": most("connections"), "connections_broken": total("connections_broken"),
        "clients_moved": total("clients_moved"),
        "changes_pair": total("changes_pair"), "pair_changes_lost": total("pair_changes_lost"),
        "changes_local": total("changes_local"), "local_changes_lost": total("local_changes_lost"), "losses_unreported": total("losses_unreported"),
        "requests": total("requests"), "requests_failed": total("requests_failed"), "requests_unreached": total("requests_unreached"),
        "request_ms_worst": most("request_ms_worst"),
        "redundant_again_ms": middle("redundant_again_ms"), "redundant_again_ms_worst": most("redundant_again_ms"),
        "generator_late_ms": most("generator_late_ms"),
        "failures": [text for sample in good for text in sample["failures"]][:5],
        "broken": [text for sample in good for text in sample["broken"]][:5],
    }


def missed(summary, limits, noise_ms):
    """One line for each budget that is not met."""
    lines = []
    for figure, limit in limits.items():
        if figure == "outage_ms":
            name = "outage_ms_p99" if summary["outage_ms_p99"] is not None else "outage_ms_worst"
            found, limit = summary[name], max(limit, noise_ms)
        else:
            name = "packets_lost_worst" if figure == "packets_lost" else figure
            found = summary[name]
        if found is not None and found > limit:
            lines.append(f"{name} {found} > {limit}")
    return lines
