"""Ethernet frames built, sent and captured by the test itself: for ARP, Neighbour Discovery and spoofing."""

import contextlib
import ipaddress
import select
import socket
import struct
import time

ETH_P_ALL = 3
BROADCAST = "ff:ff:ff:ff:ff:ff"
_PACKET_OUTGOING = 4
_SO_TIMESTAMPNS = 35
_SOL_PACKET, _PACKET_AUXDATA, _TP_STATUS_VLAN_VALID = 263, 8, 1 << 4


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def mac_text(octets):
    return ":".join(f"{octet:02x}" for octet in octets)


def ip_bytes(text):
    return ipaddress.ip_address(text).packed


def ethernet(destination, source, kind, payload):
    return mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", kind) + payload


def tagged(vlan, frame):
    """The frame with an 802.1Q tag."""
    return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def arp(operation, sender_mac, sender_ip, target_mac, target_ip, destination=BROADCAST):
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    body += mac_bytes(sender_mac) + ip_bytes(sender_ip) + mac_bytes(target_mac) + ip_bytes(target_ip)
    return ethernet(destination, sender_mac, 0x0806, body)


def arp_request(sender_mac, sender_ip, target_ip):
    return arp(1, sender_mac, sender_ip, "00:00:00:00:00:00", target_ip)


def ipv4(source, destination, protocol, payload, ttl=64, identification=0x1234, flags=0x4000):
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identification, flags, ttl, protocol, 0)
    header += ip_bytes(source) + ip_bytes(destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, destination, next_header, payload, hop_limit=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, hop_limit) + ip_bytes(source) + ip_bytes(destination) + payload


def _pseudo(source, destination, protocol, length):
    if ":" in source:
        return ip_bytes(source) + ip_bytes(destination) + struct.pack("!IHBB", length, 0, 0, protocol)
    return ip_bytes(source) + ip_bytes(destination) + struct.pack("!BBH", 0, protocol, length)


def udp(source, destination, source_port, destination_port, payload):
    """A UDP packet in IPv4 or IPv6, whichever the addresses are."""
    length = 8 + len(payload)
    segment = struct.pack("!HHHH", source_port, destination_port, length, 0) + payload
    total = checksum(_pseudo(source, destination, 17, length) + segment) or 0xFFFF
    segment = segment[:6] + struct.pack("!H", total) + payload
    return ipv6(source, destination, 17, segment) if ":" in source else ipv4(source, destination, 17, segment)


def icmp6(source, destination, kind, body, hop_limit=255):
    message = struct.pack("!BBH", kind, 0, 0) + body
    total = checksum(_pseudo(source, destination, 58, len(message)) + message)
    return ipv6(source, destination, 58, message[:2] + struct.pack("!H", total) + message[4:], hop_limit)


def neighbour_solicitation(sender_mac, sender_ip, target, with_option=True, hop_limit=255):
    """sender_ip '::' makes it a DAD probe, which carries no option (RFC 4861 4.3)."""
    packed = ip_bytes(target)
    group = ipaddress.ip_address(bytes.fromhex("ff0200000000000000000001ff") + packed[13:])
    body = bytes(4) + packed
    if with_option and sender_ip != "::":
        body += b"\1\1" + mac_bytes(sender_mac)
    destination = mac_text(b"\x33\x33\xff" + packed[13:])
    return ethernet(destination, sender_mac, 0x86DD, icmp6(sender_ip, str(group), 135, body, hop_limit))


class Frame:
    def __init__(self, data, at=0.0, vlan=None):
        self.data = data  # without the tag
        self.vlan = vlan
        self.at = at  # monotonic seconds, taken by the kernel
        self.destination, self.source = mac_text(data[:6]), mac_text(data[6:12])
        (self.kind,) = struct.unpack("!H", data[12:14])
        self.payload = data[14:]

    def __repr__(self):
        return f"<{self.source} > {self.destination} {self.kind:#06x} {self.payload[:48].hex()}>"

    def arp(self):
        """(operation, sender MAC, sender IP, target MAC, target IP), or None."""
        if self.kind != 0x0806 or len(self.payload) < 28:
            return None
        p = self.payload
        return (struct.unpack("!H", p[6:8])[0], mac_text(p[8:14]), str(ipaddress.ip_address(p[14:18])), mac_text(p[18:24]),
                str(ipaddress.ip_address(p[24:28])))

    def neighbour_advertisement(self):
        """(source, destination, target, flags R S O as a string, target MAC or None), or None."""
        p = self.payload
        if self.kind != 0x86DD or len(p) < 64 or p[6] != 58 or p[40] != 136:
            return None
        flags = "".join(letter for letter, bit in (("R", 0x80), ("S", 0x40), ("O", 0x20)) if p[44] & bit)
        option = mac_text(p[66:72]) if len(p) >= 72 and p[64:66] == b"\2\1" else None
        return (str(ipaddress.ip_address(p[8:24])), str(ipaddress.ip_address(p[24:40])),
                str(ipaddress.ip_address(p[48:64])), flags, option)


def _vlan_of(control):
    """The kernel takes a VLAN tag off before anybody sees the frame, and says so beside it."""
    for level, kind, value in control:
        if level == _SOL_PACKET and kind == _PACKET_AUXDATA:
            status, _, _, _, _, tag, _ = struct.unpack("=IIIHHHH", value[:20])
            return tag & 0xFFF if status & _TP_STATUS_VLAN_VALID else None
    return None


class Wire:
    """A raw socket on an interface of a namespace: sends frames, and sees all that pass, own ones left out."""

    def __init__(self, namespace, interface="eth0"):
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)

    def send(self, frame):
        self.socket.send(frame)

    def drain(self):
        """All frames that are here now."""
        found = []
        offset = time.monotonic() - time.time()
        while True:
            try:
                data, control, _, address = self.socket.recvmsg(65536, 128)
            except BlockingIOError:
                return found
            if address[2] == _PACKET_OUTGOING or len(data) < 14:
                continue
            at = next((struct.unpack("qq", value[:16]) for level, kind, value in control
                       if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS), (0, 0))
            found.append(Frame(data, at[0] + at[1] / 1e9 + offset, _vlan_of(control)))

    def collect(self, wanted, timeout_s, enough=None):
        """Frames for which wanted(frame) is true: until timeout_s has passed, or `enough` of them are here."""
        found, deadline = [], time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            select.select([self.socket], [], [], left)
            found += [frame for frame in self.drain() if wanted(frame)]
            if enough is not None and len(found) >= enough:
                break
        return found

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.close()
