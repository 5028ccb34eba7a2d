"""Clients of the kernel's own TCP for the soak test: many kinds, at a steady rate, each checking what it gets.

Usage: soak_clients.py ADDRESS RATE SOURCES KINDS PATIENCE

ADDRESS is the server's; the applications are on the ports of PORTS below. RATE is connections a second in all.
SOURCES is FIRST+COUNT, the addresses to connect from. Every ten seconds, and at the end of the input, a line of JSON is
written: connections by kind that were begun, done as they should, and failed, with the words of the failures.
KINDS are the kinds of clients, with commas, or `all`. One that hears nothing for PATIENCE seconds has failed. No client is begun after the standard input has ended.
"""

import asyncio
import json
import os
import random
import socket
import struct
import sys

PORTS = {"echo": 7001, "discard": 7002, "chargen": 7003, "close": 7004, "hold": 7005, "daytime": 7006}
TELL_EVERY = 10.0
# Ports from which clients vanish: a rule of the firewall lets none of their FINs and RSTs out.
VANISHING = range(61000, 65000)
TCP_REPAIR = 19
BLOCK = random.Random(7).randbytes(1 << 20)
CHARS = bytes(range(0x20, 0x7F)) * 2
CYCLE = b"".join(CHARS[line : line + 72] + b"\r\n" for line in range(95))
CHARGEN = CYCLE * 20


class Wrong(Exception):
    """The server did what it must not do."""


class Clients:
    def __init__(self, address, sources, patience):
        self.patience = patience
        self.address = address
        self.sources = sources
        self.begun, self.done, self.failed, self.words = {}, {}, {}, {}
        self.bytes_in = self.bytes_out = 0
        self.open = 0
        self.vanish_port = 0

    async def connect(self, app, receive_buffer=None, port=0):
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port == 0:
            # The kernel then chooses the port when it connects, and may use one for many peers.
            sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        sock.bind((random.choice(self.sources), port))
        try:
            await self.within(asyncio.get_running_loop().sock_connect(sock, (self.address, PORTS[app])), "connect")
        except BaseException:
            sock.close()
            raise
        return sock

    async def within(self, work, what):
        try:
            return await asyncio.wait_for(work, self.patience)
        except asyncio.TimeoutError:
            raise Wrong(f"no {what} within {self.patience:.0f} s") from None

    async def send(self, sock, data):
        await self.within(asyncio.get_running_loop().sock_sendall(sock, data), "send")
        self.bytes_out += len(data)

    async def receive(self, sock, most=65536):
        data = await self.within(asyncio.get_running_loop().sock_recv(sock, most), "receive")
        self.bytes_in += len(data)
        return data

    async def expect(self, sock, data):
        """The next bytes are exactly these."""
        at = 0
        while at < len(data):
            got = await self.receive(sock, min(65536, len(data) - at))
            if not got:
                raise Wrong(f"end after {at} of {len(data)} bytes")
            if got != data[at : at + len(got)]:
                raise Wrong(f"other bytes than were sent, near {at}")
            at += len(got)

    async def expect_end(self, sock):
        got = await self.receive(sock)
        if got:
            raise Wrong(f"{len(got)} bytes where the end was expected")

    # -- The kinds of clients

    async def short_echo(self):
        with await self.connect("echo") as sock:
            at, size = random.randrange(1000), random.choice((1, 10, 300, 1460, 5000))
            await self.send(sock, BLOCK[at : at + size])
            await self.expect(sock, BLOCK[at : at + size])
            sock.shutdown(socket.SHUT_WR)
            await self.expect_end(sock)

    async def dialogue(self):
        with await self.connect("echo") as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(random.randrange(2, 30)):
                at, size = random.randrange(1000), random.randrange(1, 200)
                await self.send(sock, BLOCK[at : at + size])
                await self.expect(sock, BLOCK[at : at + size])
            sock.shutdown(socket.SHUT_WR)
            await self.expect_end(sock)

    async def bulk_both(self):
        with await self.connect("echo") as sock:
            size = random.choice((1 << 17, 1 << 18, 1 << 20))
            sending = asyncio.ensure_future(self.send(sock, BLOCK[:size]))
            try:
                await self.expect(sock, BLOCK[:size])
                await sending
            finally:
                await stopped(sending)
            sock.shutdown(socket.SHUT_WR)
            await self.expect_end(sock)

    async def bulk_up(self):
        with await self.connect("discard") as sock:
            await self.send(sock, BLOCK[: random.choice((1 << 16, 1 << 19))])
            sock.shutdown(socket.SHUT_WR)
            await self.expect_end(sock)

    async def pattern(self, sock, size, most=65536, pause=0.0):
        for_cycle = 0
        while size > 0:
            got = await self.receive(sock, min(most, size))
            if not got:
                raise Wrong("chargen ends")
            if got != CHARGEN[for_cycle : for_cycle + len(got)]:
                raise Wrong("other bytes than chargen's")
            for_cycle = (for_cycle + len(got)) % len(CYCLE)
            size -= len(got)
            if pause:
                await asyncio.sleep(pause)

    async def bulk_down(self):
        with await self.connect("chargen") as sock:
            await self.pattern(sock, random.choice((1 << 16, 1 << 19)))
            sock.shutdown(socket.SHUT_WR)
            while await self.receive(sock):
                pass

    async def slow_reader(self):
        with await self.connect("chargen", receive_buffer=4096) as sock:
            await self.pattern(sock, 40_000, most=1024, pause=0.2)
            sock.shutdown(socket.SHUT_WR)
            while await self.receive(sock):
                pass

    async def half_close(self):
        with await self.connect("echo") as sock:
            size = random.randrange(1, 40_000)
            await self.send(sock, BLOCK[:size])
            sock.shutdown(socket.SHUT_WR)
            await self.expect(sock, BLOCK[:size])
            await self.expect_end(sock)

    async def reset(self):
        with await self.connect(random.choice(("echo", "discard", "chargen", "hold"))) as sock:
            if random.random() < 0.5:
                await self.send(sock, BLOCK[: random.randrange(1, 3000)])
            if random.random() < 0.5:
                await asyncio.sleep(random.random() / 10)
            linger(sock)

    async def held(self):
        """Fills the window of one who never reads, and leaves."""
        with await self.connect("hold") as sock:
            sending = asyncio.ensure_future(self.send(sock, BLOCK))
            await asyncio.sleep(random.random() * 2)
            await stopped(sending)
            linger(sock)

    async def server_closes(self):
        with await self.connect("close") as sock:
            await self.expect_end(sock)
            if random.random() < 0.5:
                await self.send(sock, BLOCK[:500])

    async def daytime(self):
        with await self.connect("daytime") as sock:
            line = b""
            while got := await self.receive(sock):
                line += got
            if not line.endswith(b"\r\n") or b"20" not in line:
                raise Wrong(f"no time of day: {line!r}")

    async def idle(self):
        with await self.connect("echo") as sock:
            await asyncio.sleep(random.uniform(20, 60))
            await self.send(sock, BLOCK[:100])
            await self.expect(sock, BLOCK[:100])
            sock.shutdown(socket.SHUT_WR)
            await self.expect_end(sock)

    async def vanish(self):
        """Is there, and from one moment to the next is not; no FIN, no RST, no answer to anything."""
        self.vanish_port = (self.vanish_port + 1) % len(VANISHING)
        app = random.choice(("echo", "chargen", "discard"))
        with await self.connect(app, port=VANISHING[self.vanish_port]) as sock:
            if app == "echo" and random.random() < 0.5:
                await self.send(sock, BLOCK[:3000])
            await asyncio.sleep(random.random() / 5)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)

    # --

    async def run(self, kind):
        self.open += 1
        self.begun[kind] = self.begun.get(kind, 0) + 1
        try:
            await getattr(self, kind)()
            self.done[kind] = self.done.get(kind, 0) + 1
        except (OSError, Wrong) as error:
            self.failed[kind] = self.failed.get(kind, 0) + 1
            words = f"{kind}: {error}"
            self.words[words] = self.words.get(words, 0) + 1
        finally:
            self.open -= 1

    def tell(self):
        figures = {
            "begun": self.begun,
            "done": self.done,
            "failed": self.failed,
            "words": dict(list(self.words.items())[:20]),
            "bytesIn": self.bytes_in,
            "bytesOut": self.bytes_out,
            "open": self.open,
            "cpuSeconds": sum(os.times()[:2]),
        }
        print(json.dumps(figures), flush=True)


async def stopped(task):
    """The task is over before its socket is: else the socket's number would be somebody else's."""
    task.cancel()
    await asyncio.wait([task])


def linger(sock):
    """Closing is then a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# How often each kind comes, of a hundred.
SHARES = {
    "short_echo": 40, "dialogue": 10, "bulk_both": 2, "bulk_up": 4, "bulk_down": 4, "slow_reader": 2, "half_close": 10,
    "reset": 10, "held": 2, "server_closes": 6, "daytime": 5, "idle": 3, "vanish": 2,
}


async def main(address, rate, sources, kinds, patience):
    first, count = sources.split("+")
    base = struct.unpack("!I", socket.inet_aton(first))[0]
    addresses = [socket.inet_ntoa(struct.pack("!I", base + n)) for n in range(int(count))]
    clients = Clients(address, addresses, patience)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def asked():
        """A line asks how far they are; the end of input ends it."""
        if os.read(0, 4096):
            clients.tell()
        else:
            ended.set()

    loop.add_reader(0, asked)
    weights = [SHARES[kind] for kind in kinds]
    running = set()
    next_at = told_at = loop.time()
    while not ended.is_set():
        now = loop.time()
        while next_at <= now and len(running) < 4000:
            next_at += random.expovariate(rate)
            task = loop.create_task(clients.run(random.choices(kinds, weights)[0]))
            running.add(task)
            task.add_done_callback(running.discard)
        # Who was held up does not make up for it in a burst.
        next_at = max(next_at, now - 1)
        if now - told_at >= TELL_EVERY:
            told_at = now
            clients.tell()
        try:
            await asyncio.wait_for(ended.wait(), max(0.005, next_at - loop.time()))
        except asyncio.TimeoutError:
            pass
    loop.remove_reader(0)
    if running:
        await asyncio.wait(running, timeout=patience + 70)
    clients.tell()


if __name__ == "__main__":
    wanted = list(SHARES) if sys.argv[4] == "all" else sys.argv[4].split(",")
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3], wanted, float(sys.argv[5])))
