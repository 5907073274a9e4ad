"""What a distributor must do with a frame that comes in by a tenant's interface, from the requirements alone (D1-D4, D8-D12).

Shares nothing with the daemon. The answer is the frames that must come out of the same interface, and never one anywhere else.
"""

import dataclasses
import struct

from lab import frames, plan

ICMP_ERRORS = {3, 11, 12}
ICMPV6_ERRORS = {1, 2, 3, 4}
VIP4, VIP6 = frames.ip_bytes(plan.VIP4), frames.ip_bytes(plan.VIP6)
ALL_NODES = frames.ip_bytes("ff02::1")


@dataclasses.dataclass(frozen=True)
class Out:
    """One frame that must come out, to any one of these destinations; the payload may be padded."""
    destinations: frozenset
    kind: int
    payload: bytes

    def is_met_by(self, frame, place):
        return self._is_for(frame, place) and frame.payload[:len(self.payload)] == self.payload

    def _is_for(self, frame, place):
        return (frame.destination in self.destinations and frame.source == place.own and frame.kind == self.kind
                and frame.vlan == place.vlan)


class Unclear(Exception):
    """The requirements leave it open what becomes of this frame, within its own network."""


def expected(place, frame, cluster):
    """The frames that must come out, in the VLAN of the place. `frame` has no tag of that VLAN. `cluster`: MACs of the amphorae that are
    registered."""
    if len(frame) < 14:
        return []
    destination, source = frames.mac_text(frame[:6]), frames.mac_text(frame[6:12])
    (kind,) = struct.unpack("!H", frame[12:14])
    if frame[6] & 1:
        raise Unclear("no host has a group address as its source")
    if kind == 0x0806:
        return _arp(place, source, frame[14:])
    if kind == 0x0800:
        return _ipv4(place, destination, source, frame[14:], cluster)
    if kind == 0x86DD:
        return _ipv6(place, destination, source, frame[14:], cluster)
    return []


def _arp(place, source, payload):
    if len(payload) < 28 or payload[:8] != b"\0\1\x08\0\6\4\0\1" or payload[24:28] != VIP4 or not place.active:
        return []
    answer = b"\0\1\x08\0\6\4\0\2" + frames.mac_bytes(place.own) + VIP4 + payload[8:14] + payload[14:18]
    return [Out(frozenset([source]), 0x0806, answer)]


def _to_amphorae(kind, payload, cluster, everybody):
    if everybody:
        return [Out(frozenset([mac]), kind, payload) for mac in cluster]
    return [Out(frozenset(cluster), kind, payload)]


def _ipv4(place, destination, source, payload, cluster):
    if destination != place.own or payload[16:20] != VIP4 or source in cluster:
        return []
    header = (payload[0] & 15) * 4
    (total,) = struct.unpack("!H", payload[2:4])
    if payload[0] >> 4 != 4 or header < 20 or not header <= total <= len(payload):
        raise Unclear("a packet that contradicts itself")
    (fragment,) = struct.unpack("!H", payload[6:8])
    icmp = payload[9] == 1 and fragment & 0x1FFF == 0
    if icmp and total - header < 8:
        raise Unclear("ICMP without a whole header")
    return _to_amphorae(0x0800, payload, cluster, icmp and payload[header] in ICMP_ERRORS)


def _ipv6(place, destination, source, payload, cluster):
    if len(payload) < 40:
        return []
    (length,) = struct.unpack("!H", payload[4:6])
    well_formed = payload[0] >> 4 == 6 and length <= len(payload) - 40
    message = payload[40:40 + length]
    if well_formed and payload[6] == 58 and len(message) >= 24 and message[0] == 135:
        return _solicitation(place, source, payload, message)
    if destination != place.own or payload[24:40] != VIP6 or source in cluster:
        return []
    if not well_formed or payload[6] in (0, 43, 51, 60) or (payload[6] == 58 and len(message) < 24):
        raise Unclear("a packet that contradicts itself, or whose extension headers may hide anything")
    return _to_amphorae(0x86DD, payload, cluster, payload[6] == 58 and message[0] in ICMPV6_ERRORS)


def _solicitation(place, source, payload, message):
    """RFC 4861 7.1.1, 7.2.4: with hop limit 255 and code 0, for the VIP, at the owner alone."""
    options = message[24:]
    if message[1] != 0 or message[8:24] != VIP6 or payload[7] != 255:
        if payload[24:40] == VIP6:
            raise Unclear("a malformed solicitation sent to the VIP itself is ICMPv6 like any other")
        return []
    if not place.active:
        return []
    asker = payload[8:24]
    with_option = len(options) == 8 and options[:2] == b"\1\1"
    valid = frames.checksum(asker + payload[24:40] + struct.pack("!II", len(message), 58) + message) == 0
    if not valid or (options and not with_option) or payload[4:6] != struct.pack("!H", len(message)):
        raise Unclear("a solicitation that a host would not have sent")
    if asker == bytes(16):
        return [_advert(place, "33:33:00:00:00:01", ALL_NODES, 0x20000000, options)]
    return [_advert(place, source, asker, 0x60000000, b"\2\1" + frames.mac_bytes(place.own) if with_option else b"")]


def _advert(place, destination, asker, flags, options):
    message = struct.pack("!BBHI", 136, 0, 0, flags) + VIP6 + options
    total = frames.checksum(VIP6 + asker + struct.pack("!II", len(message), 58) + message)
    message = message[:2] + struct.pack("!H", total) + message[4:]
    # Traffic class, flow label and hop limit come from the question.
    header = struct.pack("!HBB", len(message), 58, 255) + VIP6 + asker
    return Solicited(frozenset([destination]), 0x86DD, header + message)


class Solicited(Out):
    def is_met_by(self, frame, place):
        return self._is_for(frame, place) and frame.payload[4:4 + len(self.payload)] == self.payload
