"""The frames that are injected: what they are, and their bytes. One description each.

Built for one place: a tenant's interface on one node. `own` is the node's MAC there, `other` the MAC of the same node on the
other tenant's network, `peer` that of the other node on this network. Tenants use equal addresses.
"""

import dataclasses
import random
import struct

from lab import frames, plan

CLIENT4, CLIENT6 = "198.18.7.7", "2001:db8:c000::7"
CLIENT_MAC = "02:00:00:77:00:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"
ZERO = "00:00:00:00:00:00"
VLAN = 300  # of the third load balancer
VLAN_AMPHORAE = ["02:00:00:03:01:01", "02:00:00:03:01:02"]
ELSEWHERE4, ELSEWHERE6 = "192.0.2.99", "2001:db8:1::99"


@dataclasses.dataclass(frozen=True)
class Place:
    node: int
    tenant: int
    active: bool
    vlan: int = None  # the load balancer is a VLAN of the interface, beside the one that takes its untagged frames

    @property
    def own(self):
        return plan.front_mac(self.tenant, self.node)

    @property
    def other(self):
        return plan.front_mac(3 - self.tenant, self.node)

    @property
    def peer(self):
        return plan.front_mac(self.tenant, 3 - self.node)

    def __str__(self):
        where = f"tenant {self.tenant}" if self.vlan is None else f"VLAN {self.vlan} of tenant {self.tenant}'s interface"
        return f"{where} at the {'active' if self.active else 'standby'} node"


def tcp(source, destination, flags=0x02):
    segment = struct.pack("!HHIIBBHHH", 40000, 80, 1, 0, 0x50, flags, 8192, 0, 0) + b"isolation"
    return frames.ipv6(source, destination, 6, segment) if ":" in source else frames.ipv4(source, destination, 6, segment)


def icmp4(source, destination, kind, code=0):
    message = struct.pack("!BBHI", kind, code, 0, 0) + frames.ipv4(plan.VIP4, CLIENT4, 6, bytes(8))
    return frames.ipv4(source, destination, 1, message[:2] + struct.pack("!H", frames.checksum(message)) + message[4:])


def fragment4(source, destination, offset, more, payload=b"f" * 64):
    return frames.ipv4(source, destination, 17, payload, flags=(0x2000 if more else 0) | offset // 8)


def fragment6(source, destination, offset, more, payload=b"f" * 64):
    return frames.ipv6(source, destination, 44, struct.pack("!BBHI", 17, 0, offset | (1 if more else 0), 7) + payload)


def advertisement(source_mac, source, target, destination, target_mac, flags=0xA0000000):
    body = struct.pack("!I", flags) + frames.ip_bytes(target) + b"\2\1" + frames.mac_bytes(target_mac)
    return frames.ethernet(destination, source_mac, 0x86DD, frames.icmp6(source, "ff02::1", 136, body))


def kind_of(packet):
    return 0x86DD if packet[0] >> 4 == 6 else 0x0800


def _forwarded(place):
    """Plain traffic: some of it is to be forwarded, so that silence everywhere is no success."""
    amphora = plan.AmphoraPlan(place.tenant, 1)
    foreign = plan.AmphoraPlan(3 - place.tenant, 1)
    for family, client, vip in (("IPv4", CLIENT4, plan.VIP4), ("IPv6", CLIENT6, plan.VIP6)):
        packets = {"TCP SYN": tcp(client, vip), "TCP RST": tcp(client, vip, 0x04), "UDP": frames.udp(client, vip, 5, 7000, b"isolation")}
        packets["echo request"] = icmp4(client, vip, 8) if family == "IPv4" else frames.icmp6(client, vip, 128, bytes(8), 64)
        packets["first fragment"] = fragment4(client, vip, 0, True) if family == "IPv4" else fragment6(client, vip, 0, True)
        packets["later fragment"] = fragment4(client, vip, 64, False) if family == "IPv4" else fragment6(client, vip, 64, False)
        packets["overlapping fragment"] = fragment4(client, vip, 32, True) if family == "IPv4" else fragment6(client, vip, 32, True)
        packets["an unknown protocol"] = frames.ipv4(client, vip, 253, b"x" * 20) if family == "IPv4" else frames.ipv6(client, vip, 253, b"x" * 20)
        packets["the VIP itself as source"] = tcp(vip, vip)
        packets["gateway as source"] = tcp(plan.GATEWAY4 if family == "IPv4" else plan.GATEWAY6, vip)
        packets["the amphora's address as source"] = tcp(amphora.address4 if family == "IPv4" else amphora.address6, vip)
        packets["loopback as source"] = tcp("127.0.0.1" if family == "IPv4" else "::1", vip)
        packets["multicast as source"] = tcp("224.0.0.9" if family == "IPv4" else "ff02::9", vip)
        packets["unspecified source"] = tcp("0.0.0.0" if family == "IPv4" else "::", vip)
        for name, packet in packets.items():
            for who, source in (("a client", CLIENT_MAC), ("its own amphora", amphora.mac), ("a spoofed pair MAC", place.own)):
                yield f"{family} {name} for the VIP from {who}", frames.ethernet(place.own, source, kind_of(packet), packet)
            yield f"{family} {name} for the VIP from the other tenant's amphora", frames.ethernet(place.own, foreign.mac, kind_of(packet), packet)
    for kind in (3, 11, 12, 4, 5, 0):
        yield f"ICMP type {kind} for the VIP", frames.ethernet(place.own, CLIENT_MAC, 0x0800, icmp4("198.51.100.9", plan.VIP4, kind))
    for kind in (1, 2, 3, 4, 129, 133, 134, 137):
        yield f"ICMPv6 type {kind} for the VIP", frames.ethernet(place.own, CLIENT_MAC, 0x86DD, frames.icmp6("2001:db8:9::9", plan.VIP6, kind, bytes(40)))


def _wrong_destination(place):
    packet, packet6 = tcp(CLIENT4, plan.VIP4), tcp(CLIENT6, plan.VIP6)
    for name, mac in (("the other tenant's MAC of this node", place.other), ("the peer's MAC", place.peer), ("broadcast", BROADCAST),
                      ("IPv4 multicast", "01:00:5e:00:00:01"), ("IPv6 multicast", "33:33:00:00:00:01"), ("nobody's MAC", "02:00:00:99:99:99"),
                      ("the zero MAC", ZERO), ("the amphora directly", plan.AmphoraPlan(place.tenant, 1).mac),
                      ("the other tenant's amphora", plan.AmphoraPlan(3 - place.tenant, 1).mac)):
        yield f"IPv4 for the VIP to {name}", frames.ethernet(mac, CLIENT_MAC, 0x0800, packet)
        yield f"IPv6 for the VIP to {name}", frames.ethernet(mac, CLIENT_MAC, 0x86DD, packet6)
    for name, address in (("another address of the subnet", ELSEWHERE4), ("the gateway", plan.GATEWAY4), ("a client", "198.18.9.9"),
                          ("broadcast", "255.255.255.255"), ("the subnet's broadcast", "192.0.2.255"), ("multicast", "224.0.0.1"),
                          ("the amphora", plan.AmphoraPlan(place.tenant, 1).address4), ("loopback", "127.0.0.1"),
                          ("the management address", plan.MANAGEMENT_VIP)):
        yield f"IPv4 to {name} at the pair's MAC", frames.ethernet(place.own, CLIENT_MAC, 0x0800, tcp(CLIENT4, address))
    for name, address in (("another address of the subnet", ELSEWHERE6), ("the gateway", plan.GATEWAY6), ("all nodes", "ff02::1"),
                          ("all routers", "ff02::2"), ("loopback", "::1")):
        yield f"IPv6 to {name} at the pair's MAC", frames.ethernet(place.own, CLIENT_MAC, 0x86DD, tcp(CLIENT6, address))


def _arp(place):
    def arp(operation=1, sender_mac=CLIENT_MAC, sender=plan.GATEWAY4, target_mac=ZERO, target=plan.VIP4, to=BROADCAST):
        return frames.arp(operation, sender_mac, sender, target_mac, target, to)

    yield "ARP request for the VIP", arp()
    yield "ARP request for the VIP, unicast", arp(to=place.own)
    yield "ARP request for the VIP to the other tenant's MAC", arp(to=place.other)
    yield "ARP probe for the VIP", arp(sender="0.0.0.0")
    yield "ARP request for another address", arp(target=ELSEWHERE4)
    yield "ARP request for the gateway", arp(target=plan.GATEWAY4)
    yield "ARP request in the VIP's name", arp(sender=plan.VIP4)
    yield "gratuitous ARP for the VIP with a foreign MAC", arp(sender=plan.VIP4, target=plan.VIP4)
    yield "ARP request in the pair's own name", arp(sender_mac=place.own)
    yield "ARP reply that claims the VIP", arp(2, sender=plan.VIP4, target_mac=place.own, target=plan.GATEWAY4)
    yield "ARP reply to the pair", arp(2, target_mac=place.own, target=plan.VIP4, to=place.own)
    yield "ARP with operation 0", arp(0)
    yield "ARP with operation 3", arp(3)
    yield "RARP request", arp()[:12] + b"\x80\x35" + arp()[14:]
    yield "ARP for another kind of hardware", arp()[:14] + b"\x00\x06" + arp()[16:]
    yield "truncated ARP", arp()[:30]


def _neighbours(place):
    def ns(source=plan.GATEWAY6, target=plan.VIP6, **more):
        return frames.neighbour_solicitation(CLIENT_MAC, source, target, **more)

    yield "solicitation for the VIP", ns()
    yield "solicitation for the VIP without an option", ns(with_option=False)
    yield "duplicate address detection for the VIP", ns("::")
    yield "solicitation for another address", ns(target=ELSEWHERE6)
    yield "solicitation that crossed a router", ns(hop_limit=254)
    yield "solicitation in the VIP's name", ns(plan.VIP6)
    yield "solicitation for the gateway", ns(target=plan.GATEWAY6)
    yield "advertisement that claims the VIP", advertisement(CLIENT_MAC, plan.VIP6, plan.VIP6, "33:33:00:00:00:01", CLIENT_MAC)
    yield "advertisement to the pair", advertisement(CLIENT_MAC, plan.GATEWAY6, plan.GATEWAY6, place.own, CLIENT_MAC)
    router = frames.icmp6("fe80::1", "ff02::1", 134, bytes(12))
    yield "router advertisement", frames.ethernet("33:33:00:00:00:01", CLIENT_MAC, 0x86DD, router)
    yield "redirect", frames.ethernet(place.own, CLIENT_MAC, 0x86DD, frames.icmp6("fe80::1", plan.VIP6, 137, bytes(36)))
    yield "listener report", frames.ethernet("33:33:00:00:00:16", CLIENT_MAC, 0x86DD, frames.icmp6("fe80::1", "ff02::16", 143, bytes(24), 1))
    yield "truncated solicitation", ns()[:60]


def _tags_and_other_protocols(place):
    inner = frames.ethernet(place.own, CLIENT_MAC, 0x0800, tcp(CLIENT4, plan.VIP4))
    yield "traffic for the VIP in a VLAN", frames.tagged(100, inner)
    yield "traffic for the VIP in another load balancer's VLAN, from its amphora", frames.tagged(
        VLAN, frames.ethernet(place.other, VLAN_AMPHORAE[0], 0x0800, tcp(CLIENT4, plan.VIP4)))
    yield "traffic for the VIP in VLAN 0", frames.tagged(0, inner)
    yield "traffic for the VIP in VLAN 4095", frames.tagged(4095, inner)
    yield "802.1Q in 802.1Q", frames.tagged(100, frames.tagged(200, inner))
    yield "802.1ad", inner[:12] + b"\x88\xa8\x00\x64" + inner[12:]
    yield "ARP for the VIP in a VLAN", frames.tagged(100, frames.arp_request(CLIENT_MAC, plan.GATEWAY4, plan.VIP4))
    yield "MPLS", frames.ethernet(place.own, CLIENT_MAC, 0x8847, b"\0\0\x11\xff" + tcp(CLIENT4, plan.VIP4))
    yield "LLDP", frames.ethernet("01:80:c2:00:00:0e", CLIENT_MAC, 0x88CC, b"\2\7\4" + bytes(50))
    yield "spanning tree", frames.ethernet("01:80:c2:00:00:00", CLIENT_MAC, 0x0026, b"\x42\x42\x03" + bytes(45))
    yield "LACP", frames.ethernet("01:80:c2:00:00:02", CLIENT_MAC, 0x8809, b"\1\1" + bytes(50))
    yield "pause frame", frames.ethernet("01:80:c2:00:00:01", CLIENT_MAC, 0x8808, b"\0\1\xff\xff" + bytes(42))
    yield "CDP", frames.ethernet("01:00:0c:cc:cc:cc", CLIENT_MAC, 0x0040, b"\xaa\xaa\x03" + bytes(50))
    discover = frames.udp("0.0.0.0", "255.255.255.255", 68, 67, b"\1\1\6\0" + bytes(240))
    yield "DHCP discover", frames.ethernet(BROADCAST, CLIENT_MAC, 0x0800, discover)
    yield "DHCP offer", frames.ethernet(BROADCAST, CLIENT_MAC, 0x0800, frames.udp(plan.GATEWAY4, "255.255.255.255", 67, 68, bytes(244)))
    yield "DHCPv6 solicit", frames.ethernet("33:33:00:01:00:02", CLIENT_MAC, 0x86DD, frames.udp("fe80::1", "ff02::1:2", 546, 547, bytes(40)))
    yield "multicast DNS", frames.ethernet("01:00:5e:00:00:fb", CLIENT_MAC, 0x0800, frames.udp(CLIENT4, "224.0.0.251", 5353, 5353, bytes(30)))
    yield "IGMP", frames.ethernet("01:00:5e:00:00:01", CLIENT_MAC, 0x0800, frames.ipv4(CLIENT4, "224.0.0.1", 2, b"\x11\0\xee\xff\0\0\0\0", ttl=1))
    yield "VRRP advert", frames.ethernet("01:00:5e:00:00:12", CLIENT_MAC, 0x0800, frames.ipv4(plan.GATEWAY4, "224.0.0.18", 112, bytes(20), ttl=255))
    yield "PPPoE discovery", frames.ethernet(BROADCAST, CLIENT_MAC, 0x8863, b"\x11\x09" + bytes(44))
    yield "unknown type", frames.ethernet(place.own, CLIENT_MAC, 0x1234, bytes(50))
    yield "unknown type to everybody", frames.ethernet(BROADCAST, CLIENT_MAC, 0x1234, bytes(50))


def _malformed(place):
    good = frames.ethernet(place.own, CLIENT_MAC, 0x0800, tcp(CLIENT4, plan.VIP4))
    good6 = frames.ethernet(place.own, CLIENT_MAC, 0x86DD, tcp(CLIENT6, plan.VIP6))
    for length in (14, 15, 20, 33):
        yield f"IPv4 cut off after {length} bytes", good[:length]
    for length in (14, 20, 40, 53):
        yield f"IPv6 cut off after {length} bytes", good6[:length]
    yield "IPv4 with version 7", good[:14] + b"\x75" + good[15:]
    yield "IPv4 with header length 4", good[:14] + b"\x41" + good[15:]
    yield "IPv4 of total length 0", good[:16] + b"\0\0" + good[18:]
    yield "IPv4 longer than its frame", good[:16] + b"\xff\xff" + good[18:]
    yield "IPv6 with version 4", good6[:14] + b"\x40" + good6[15:]
    yield "IPv6 longer than its frame", good6[:18] + b"\xff\xff" + good6[20:]
    yield "IPv6 with endless hop-by-hop options", frames.ethernet(place.own, CLIENT_MAC, 0x86DD, frames.ipv6(CLIENT6, plan.VIP6, 0, bytes([0, 0] + [0] * 6) * 20))
    yield "an IPv4 packet called IPv6", good[:12] + b"\x86\xdd" + good[14:]
    yield "an IPv6 packet called IPv4", good6[:12] + b"\x08\x00" + good6[14:]


def frames_for(place):
    """(description, frame) of the whole table for one place."""
    for part in (_forwarded, _wrong_destination, _arp, _neighbours, _tags_and_other_protocols, _malformed):
        yield from part(place)


def mutations(place, seed, count):
    """(description, frame): frames of the table with a few bytes changed, cut or added. Equal seeds, equal frames."""
    chance = random.Random(f"{seed}/{place.node}/{place.tenant}/{place.vlan}")
    table = list(frames_for(place))
    interesting = [frames.mac_bytes(text) for text in (place.own, place.other, place.peer, BROADCAST)]
    for number in range(count):
        name, frame = chance.choice(table)
        changed = bytearray(frame)
        for _ in range(chance.randint(1, 3)):
            what = chance.random()
            if what < 0.55:
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            elif what < 0.7:
                changed[0:6] = chance.choice(interesting)
            elif what < 0.8:
                changed[6:12] = chance.choice(interesting)
            elif what < 0.9 and len(changed) > 20:
                del changed[chance.randrange(14, len(changed)):]
            else:
                changed += bytes(chance.randrange(1, 64))
        yield f"mutation {number} of seed {seed}: {name}", bytes(changed)
