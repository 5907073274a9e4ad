"""UDP from and to any client address over one socket per family and source port, by packet-info control messages.

Used inside a gateway's namespace, where every client address is local.
"""

import ipaddress
import socket
import struct

_IP_PKTINFO = 8
_SO_RCVBUFFORCE, _SO_SNDBUFFORCE = 33, 32


def is_v6(address):
    return ":" in address


class ClientSocket:
    """Sends to one server address as any client of its family."""

    def __init__(self, server, server_port, source_port=0):
        self.v6 = is_v6(server)
        self.server = (server, server_port)
        self.socket = socket.socket(socket.AF_INET6 if self.v6 else socket.AF_INET, socket.SOCK_DGRAM)
        if self.v6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        for option in (_SO_RCVBUFFORCE, _SO_SNDBUFFORCE):
            self.socket.setsockopt(socket.SOL_SOCKET, option, 8 << 20)
        self.socket.bind(("::" if self.v6 else "0.0.0.0", source_port))
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def control(self, client):
        """The control message that makes a datagram come from this client; build it once per client."""
        packed = ipaddress.ip_address(client).packed
        if self.v6:
            return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed + struct.pack("=I", 0))]
        return [(socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=I", 0) + packed + bytes(4))]

    def send(self, control, payload):
        """False if the kernel has no room just now, or cannot reach the server just now."""
        try:
            self.socket.sendmsg([payload], control, 0, self.server)
            return True
        except OSError:
            return False

    def receive(self):
        """All datagrams that are here: payloads."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(2048))
            except OSError:  # none left, or an ICMP error for an earlier datagram
                return found
