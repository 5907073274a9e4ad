"""Changes of one load balancer, drawn at random, and what must stand after each: for the kill tests."""

POOL = [f"02:00:00:01:05:{i:02x}" for i in range(24)]
POSITIONS = 16


def after(slots, command):
    """What must stand after a command; as simple as can be, and written without looking at the daemon."""
    kind, mac, position = command
    slots = dict(slots)
    if kind == "unregister":
        return {at: one for at, one in slots.items() if one != mac}
    if mac not in slots.values():
        slots[position if position is not None else min(set(range(256)) - set(slots))] = mac
    return slots


def draw(chance, slots):
    """A command that is valid for these slots, and changes them."""
    absent = [mac for mac in POOL if mac not in slots.values()]
    if slots and (not absent or len(slots) >= POSITIONS or chance.random() < 0.45):
        return "unregister", chance.choice(sorted(slots.values())), None
    free = sorted(set(range(POSITIONS)) - set(slots))
    return "register", chance.choice(absent), chance.choice([None, chance.choice(free)])


def send(api, lb, command, request_id=None):
    kind, mac, position = command
    if kind == "unregister":
        return api.unregister(lb, [mac], request_id)
    return api.register(lb, [{"mac_address": mac, **({} if position is None else {"position": position})}], request_id)


def slots_of(answer):
    return {one["position"]: one["mac_address"] for one in answer["amphorae"]}
