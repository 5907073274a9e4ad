"""What packaging/quickstart shows: a pair under traffic, the active node killed outright, an amphora replaced.

Prints what happens, line by line; the last line is JSON. Exit code 1 if a promise was broken. Writes a page with a picture of the
takeover (--report), with the means of the drills (tests/drills).
"""

import argparse
import json
import sys
import time
import uuid

from drills import page, sample, series
from drills.owners import GateWatch
from lab import binaries, frames, plan, traffic
from lab.lab import Lab, exit_on_signals
from lab.system import LabError, wait_until

REVALIDATED_S = 3  # Open vSwitch looks at every flow that it keeps at least every 0.5 s
SAMPLED = 10_000  # clients of each family whose amphora is looked up
CONNECTIONS = 100  # of each family
STREAMS = 20  # of each family, one datagram every 10 ms each
UNDISTURBED_S = 1.0  # of traffic before the kill and after the takeover

_begun = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - _begun:6.1f} s] {text}", flush=True)


def announcement_of(mac):
    """Is this frame a gratuitous ARP or an unsolicited NA for the VIP by the node with this MAC?"""
    def matches(frame):
        if frame.source != mac:
            return False
        arp, advert = frame.arp(), frame.neighbour_advertisement()
        return bool((arp and arp[2] == arp[4] == plan.VIP4) or (advert and advert[2] == plan.VIP6 and advert[1] == "ff02::1"))
    return matches


def registrations(answer):
    """Which amphora holds which position, and the spares: what must not change in a failover."""
    body = answer.expect().body
    return [(one["position"], one["mac_address"], one["role"]) for one in body["amphorae"] + body["spares"]]


def set_up(lab, lb):
    client = lab.api()
    plugged = client.plug(lb, **lab.plug_fields(vrrp=True)).expect().body
    say(f"PLUG {plan.VIP4} and {plan.VIP6}: durability {plugged['durability']}, programmed on {', '.join(plugged['programmed'])}")
    four = [{"mac_address": lab.mac(i), "position": i} for i in range(4)]
    answer = client.register(lb, [*four, {"mac_address": lab.mac(4), "role": "standby"}]).expect().body
    say(f"REGISTER four amphorae and a spare: durability {answer['durability']}, programmed on {', '.join(answer['programmed'])}")
    before = registrations(client.status(lb))
    client.close()
    return before


def kill_the_active(lab, clients):
    """Kills it under traffic; returns which node it was, the figures, and a drill's sample of it."""
    active, standby = lab.wait_in_sync()
    gateway = lab.gateway()
    watches = {number: GateWatch(node, lab.directory) for number, node in lab.nodes.items()}
    for watch in watches.values():
        watch.start()
    streams, connections = clients[:STREAMS] + clients[-STREAMS:], clients[:CONNECTIONS] + clients[-CONNECTIONS:]
    with traffic.Load(gateway, streams, connections, interval_ms=10, line_interval_ms=100) as load, frames.Wire(gateway) as wire:
        say(f"{load.opened['open']} TCP connections are open, {load.opened['streams']} clients send UDP every 10 ms")
        begun = load.mark()
        time.sleep(UNDISTURBED_S)
        wire.drain()
        say(f"node {active} is active: killing it, every process and every link")
        killed_at = lab.nodes[active].power_off()
        found = wire.collect(announcement_of(plan.front_mac(1, standby)), 15, enough=1)
        if not found:
            raise LabError(f"node {standby} did not announce the VIP within 15 s")
        takeover_ms = (found[0].at - killed_at) * 1000
        lab.wait_owner(standby)
        time.sleep(UNDISTURBED_S)
        seen = load.collect()
    shown = sample.timeline(watches, active, [(killed_at, "power off")], begun, seen)
    for watch in watches.values():
        watch.stop()
    broken = [row for row in seen["connections"] if row["broken"] or len(row["names"]) != 1]
    taken = sample.of_traffic(seen, [])
    say(f"node {standby} took over {takeover_ms:.0f} ms after the kill (its first announcement of the VIP)")
    say(f"traffic saw an outage of {taken['outage_ms_median']:.0f} ms (median), {taken['outage_ms_worst']:.0f} ms (worst of {len(streams)} clients)")
    say(f"connections broken: {len(broken)} of {len(connections)}")
    for row in broken[:5]:
        say(f"  {row}")
    return active, {"takeover_ms": round(takeover_ms, 1), "outage_ms_median": round(taken["outage_ms_median"], 1),
                    "outage_ms_worst": taken["outage_ms_worst"], "connections": len(connections),
                    "connections_broken": len(broken)}, {**taken, "timeline": shown}


def write_page(path, taken, figures, changes):
    """The kill as a drill's page. changes: (answered `pair`, of them lost)."""
    answered, lost = changes
    none = dict.fromkeys(("changes_local", "local_changes_lost", "losses_unreported", "requests_failed", "requests_unreached", "request_ms_worst"), 0)
    whole = {**none, **taken, "clients_moved": figures["clients_moved"], "changes_pair": answered, "pair_changes_lost": lost, "requests": answered,
             "failures": [], "redundant_again_ms": figures["redundant_again_ms"]}
    drill = {"name": "power-off", "profile": "default", "samples": [whole], "clients": figures["clients"]}
    with open(path, "w", encoding="utf-8") as file:
        file.write(page.html(series.together([{**series.origin(), "drills": [drill]}])))
    say(f"a page with a picture of it: {path}")


def replace_one(lab, lb, clients, placed):
    """REPLACEs the amphora of position 0; returns how many clients of other amphorae moved."""
    failed, standby = lab.amphorae[1][0], lab.amphorae[1][4]
    client = lab.api()
    answer = client.replace(lb, failed.mac).expect().body
    client.close()
    say(f"REPLACE of {failed.name}: durability {answer['durability']}; its position now holds {standby.name}")
    after = traffic.who(lab.gateway(), clients)
    others = [client for client in clients if placed[client] != failed.name and after[client] != placed[client]]
    own = [client for client in clients if placed[client] == failed.name]
    stayed = [client for client in own if after[client] != standby.name]
    slower = len(stayed)
    # The rules are in place. Open vSwitch's revalidators carry them over into the flows that it keeps for clients that were just here.
    deadline = time.monotonic() + REVALIDATED_S
    while stayed and time.monotonic() < deadline:
        after = traffic.who(lab.gateway(), stayed)
        stayed = [client for client in stayed if after[client] != standby.name]
    say(f"its {len(own)} clients moved to {standby.name}: {len(own) - slower} at once, {slower - len(stayed)} when Open vSwitch had renewed the flows "
        f"that it keeps{f', {len(stayed)} DID NOT' if stayed else ''}; {len(others)} clients of others moved")
    return len(others), len(stayed)


def demonstrate(lab, report):
    lb = str(uuid.uuid4())
    say(f"lab {lab.prefix}: two nodes, a gateway with clients, five amphorae; waiting for the pair")
    lab.start()
    active, _ = lab.wait_in_sync()
    say(f"the pair is in sync, node {active} owns {plan.MANAGEMENT_VIP}")
    before = set_up(lab, lb)
    clients = plan.clients(SAMPLED, SAMPLED)
    placed = traffic.who(lab.gateway(), clients)
    say(f"asked as {len(placed)} clients which amphora answers: all four do")
    killed, figures, taken = kill_the_active(lab, clients)
    again = traffic.who(lab.gateway(), clients)
    moved = sum(1 for client in clients if placed[client] != again[client])
    say(f"clients whose amphora changed: {moved} of {len(clients)}")
    status = lab.api()
    after = registrations(status.status(lb))
    status.close()
    say(f"registrations: {len(before)} before, {len(after)} after{'' if before == after else ', NOT the same ones'}")
    others, stayed = replace_one(lab, lb, clients, again)
    begun = time.monotonic()
    lab.nodes[killed].power_on()
    lab.wait_in_sync()
    figures["redundant_again_ms"] = round((time.monotonic() - begun) * 1000)
    say(f"node {killed} is on again; both are in sync {figures['redundant_again_ms'] / 1000:.1f} s later")
    figures.update(clients=len(clients), clients_moved=moved, registrations_before=len(before), registrations_after=len(after),
                   replace_moved_others=others)
    kept = (figures["connections_broken"] == 0 and moved == 0 and before == after and others == 0 and stayed == 0
            and len(set(placed.values())) == 4)
    if report:
        write_page(report, taken, figures, (len(before), sum(1 for one in before if one not in after)))
    return figures, kept


def how_to_talk(lab):
    certificates, module = lab.certificates, "PYTHONPATH=tests/lab /usr/bin/python3 -B -m lab"
    say("the lab stays. From the root of the tree:")
    print(f"  {module} shell {lab.prefix} ctl curl --cacert {certificates.server_ca} --cert {certificates.client} \\\n"
          f"      --resolve {lab.distributor_id}:{plan.API_PORT}:{plan.MANAGEMENT_VIP} "
          f"https://{lab.distributor_id}:{plan.API_PORT}/1.0/pair\n"
          f"  {module} shell {lab.prefix} n1 {lab.binaries.distributorctl} status\n"
          f"  {module} shell {lab.prefix} gw1 curl http://{plan.VIP4}/\n"
          f"  {module} shell {lab.prefix} n1        # a shell in node 1; n2, gw1, t1a1 ... likewise\n"
          f"  {module} down {lab.prefix}            # removes it", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the lab running and say how to talk to it")
    parser.add_argument("--report", metavar="PAGE.html", help="write a page with a picture of the takeover")
    options = parser.parse_args()
    exit_on_signals()
    problems = binaries.missing_prerequisites()
    if problems:
        print("cannot run here: " + "; ".join(problems), file=sys.stderr)
        return 1
    with Lab(binaries.find()) as lab:
        figures, kept = demonstrate(lab, options.report)
        if options.keep:
            how_to_talk(lab)
            lab.keep()
    if not kept:
        say("A PROMISE WAS BROKEN: see above")
    print(json.dumps(figures), flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"the demonstration failed: {error}", file=sys.stderr)
        sys.exit(1)
