"""What runs on a lab amphora: answers HTTP, lines over TCP, and UDP datagrams, each with the amphora's own name.

Arguments: name, HTTP port, line port, then the addresses to listen on (the VIPs).
"""

import asyncio
import socket
import sys


def answer_datagrams(datagrams, prefix):
    """All that are here. Not asyncio's datagram transport: a drill sends thousands a second, on few cores."""
    receive, send = datagrams.recvfrom, datagrams.sendto
    try:
        while True:
            data, address = receive(65536)
            send(prefix + data, address)
    except OSError:  # none left, or no room, or the client is gone
        pass


async def lines(name, reader, writer):
    try:
        while line := await reader.readline():
            writer.write(name.encode() + b" " + line)
            await writer.drain()
    except (ConnectionError, ValueError):
        pass  # the client left, or sent a line without end
    finally:
        writer.close()


async def http(name, reader, writer):
    """GET /?size=N answers the name, padded with blanks to N bytes."""
    try:
        request = await reader.readuntil(b"\r\n\r\n")
        _, _, size = request.split(b" ")[1].partition(b"size=")
        body = f"{name}\n".encode().ljust(int(size or 0))
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
    except (ConnectionError, ValueError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def main(name, http_port, line_port, addresses):
    loop = asyncio.get_running_loop()
    for address in addresses:
        await asyncio.start_server(lambda r, w: http(name, r, w), address, http_port, backlog=1024)
        await asyncio.start_server(lambda r, w: lines(name, r, w), address, line_port, backlog=1024)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        datagrams.bind((address, line_port))
        datagrams.setblocking(False)
        loop.add_reader(datagrams, answer_datagrams, datagrams, name.encode() + b" ")
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
