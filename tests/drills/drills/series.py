"""Results of several runs of the suite, put together."""

import datetime
import json
import os
import platform
import sys

from drills import figures
from drills.catalogue import BY_NAME, DRILLS


def load(paths):
    """{"origins": [...], "drills": [summary with "shown", the run whose worst client waited longest]}; in the catalogue's order."""
    documents = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            documents.append(json.load(file))
    return together(documents)


def origin():
    """Where and when a document comes from."""
    return {"when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "command": " ".join(sys.argv),
            "machine": {"cpus": os.cpu_count(), "system": platform.platform()}}


def together(documents):
    origins, groups, skipped = [], {}, {}
    budgets = figures.load()
    for document in documents:
        origins.append({key: document[key] for key in ("when", "command", "machine")})
        for result in document["drills"]:
            key = (result["name"], result["profile"])
            if "skipped" in result:
                skipped.setdefault(key, result)
            else:
                group = groups.setdefault(key, {"samples": [], "clients": 0})
                group["samples"] += result["samples"]
                group["clients"] = max(group["clients"], result["clients"])
    found = {key: summed(key, group, budgets) for key, group in groups.items()}
    found.update({key: result for key, result in skipped.items() if key not in found})
    order = {drill.name: index for index, drill in enumerate(DRILLS)}
    return {"origins": origins, "drills": sorted(found.values(), key=lambda one: (one["profile"] != "default", one["profile"], order.get(one["name"], 999)))}


def summed(key, group, budgets):
    name, profile = key
    summary = figures.summarise(BY_NAME[name], profile, group["samples"], group["clients"], budgets)
    shown = [sample for sample in group["samples"] if sample.get("timeline")]
    summary["shown"] = max(shown, key=lambda sample: sample["outage_ms_worst"])["timeline"] if shown else None
    return summary
