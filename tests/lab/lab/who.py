"""Asks, as thousands of clients, which amphora answers. Runs in a gateway's namespace: specification on stdin, JSON out.

{"flows": [[client, source_port], ...], "vip4": ..., "vip6": ..., "port": ..., "deadline_s": ...}
-> {"names": [name or null, ...] in the order of flows, "sent": ..., "elapsed_s": ...}. source_port 0 = any.
"""

import json
import os
import select
import sys
import time

from lab.packets import ClientSocket, is_v6

WINDOW = 256  # questions under way at once
RETRY_S = 0.15


def ask(spec):
    sockets, flows = {}, []
    for client, source_port in spec["flows"]:
        key = (is_v6(client), source_port)
        if key not in sockets:
            sockets[key] = ClientSocket(spec["vip6"] if key[0] else spec["vip4"], spec["port"], source_port)
        flows.append((sockets[key], sockets[key].control(client)))
    poller = select.poll()
    by_descriptor = {}
    for one in sockets.values():
        poller.register(one, select.POLLIN)
        by_descriptor[one.fileno()] = one

    nonce = os.urandom(4).hex()
    names = [None] * len(flows)
    begun = time.monotonic()
    deadline = begun + spec["deadline_s"]
    waiting = {}  # index -> when it was sent
    next_new, sent, done = 0, 0, 0
    while done < len(flows):
        now = time.monotonic()
        if now > deadline:
            break
        late = [i for i, at in waiting.items() if now - at > RETRY_S]
        fresh = range(next_new, min(len(flows), next_new + WINDOW - len(waiting)))
        next_new = fresh.stop if fresh else next_new
        for i in [*late, *fresh]:
            one, control = flows[i]
            one.send(control, b"%s %d" % (nonce.encode(), i))
            waiting[i] = now
            sent += 1
        for descriptor, _ in poller.poll(20):
            for datagram in by_descriptor[descriptor].receive():
                name, _, rest = datagram.partition(b" ")
                tag, _, index = rest.partition(b" ")
                if tag != nonce.encode() or not index.isdigit():
                    continue  # an answer to an earlier question of somebody else
                i = int(index)
                if waiting.pop(i, None) is not None:
                    names[i] = name.decode()
                    done += 1
    return {"names": names, "sent": sent, "elapsed_s": time.monotonic() - begun}


if __name__ == "__main__":
    json.dump(ask(json.load(sys.stdin)), sys.stdout)
