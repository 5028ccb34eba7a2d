"""A peer over the kernel's own TCP, led step by step: one JSON object a line on stdin, one JSON answer on stdout.

    python3 kernel_peer.py HOST

{"do": "connect", "port": 3333} and so on; see the functions named do_... Any failure is answered as {"error": text}.
One connection at a time. It knows nothing of the server's code: the content of chargen is made from RFC 864's text.
"""
import hashlib
import json
import os
import random
import select
import socket
import struct
import sys
import threading
import time

HOST = sys.argv[1]
TIMEOUT_S = float(os.environ.get("PEER_TIMEOUT_S", "20"))
BLOCK = 256 * 1024

# RFC 864: lines of 72 of the 95 printing characters, each line one character further, ended by CR LF.
CYCLE = b"".join(bytes(0x20 + (line + column) % 95 for column in range(72)) + b"\r\n" for line in range(95))
# A piece of the pattern from any place in the cycle, without arithmetic for each byte.
RIBBON = memoryview(CYCLE * (BLOCK // len(CYCLE) + 2))

# For gigabytes: bytes at random, whose number is prime. A piece that is lost, repeated, or put 2^32 further is noticed.
PERIOD = 1048573
LONG = random.Random(PERIOD).randbytes(PERIOD) * 2


class Pattern:
    """Compares a stream with RFC 864's pattern, and sums up both."""

    def __init__(self):
        self.bytes = 0
        self.wrong_at = None
        self.received = hashlib.sha256()
        self.expected = hashlib.sha256()

    def take(self, data):
        start = self.bytes % len(CYCLE)
        expected = RIBBON[start : start + len(data)]
        self.received.update(data)
        self.expected.update(expected)
        if self.wrong_at is None and data != expected:
            self.wrong_at = self.bytes
        self.bytes += len(data)

    def result(self):
        sums = {"received": self.received.hexdigest(), "expected": self.expected.hexdigest()}
        return {"bytes": self.bytes, "wrongAt": self.wrong_at, **sums}


class Peer:
    def __init__(self):
        self.socket = None
        self.pattern = Pattern()

    def do_kernel(self, settings):
        """Sets what is below net.ipv4 in this namespace; what it was before, also where one of them fails."""
        before = {}
        try:
            for name, value in settings.items():
                with open(f"/proc/sys/net/ipv4/{name}") as file:
                    old = file.read().strip()
                with open(f"/proc/sys/net/ipv4/{name}", "w") as file:
                    file.write(str(value))
                before[name] = old
        except OSError as error:
            self.do_kernel(before)
            raise error
        return {"settings": before}

    def do_connect(self, port, localPort=0, receiveBuffer=0, sendBuffer=0, congestion=None):
        """Opens a connection; a local port may be one that was used just before."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.pattern = Pattern()
        self.socket.settimeout(TIMEOUT_S)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receiveBuffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receiveBuffer)
        if sendBuffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sendBuffer)
        if congestion:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
        self.socket.bind(("", localPort))
        self.socket.connect((HOST, port))
        return {"localPort": self.socket.getsockname()[1]}

    def do_transfer(self, bytes):
        """Sends random bytes, ends its direction, and reads to the end meanwhile; the sums of both."""
        sent, received = hashlib.sha256(), hashlib.sha256()
        failure, progress, before = [], [0], -1

        def send():
            try:
                for start in range(0, bytes, BLOCK):
                    block = os.urandom(min(BLOCK, bytes - start))
                    sent.update(block)
                    self.socket.sendall(block)
                    progress[0] = start
                self.socket.shutdown(socket.SHUT_WR)
            except OSError as error:
                failure.append(error)

        sender = threading.Thread(target=send)
        sender.start()
        count = 0
        while True:
            try:
                data = self.socket.recv(BLOCK)
            except TimeoutError:
                # Nothing has to come back while something goes out.
                if progress[0] == before:
                    raise
                before = progress[0]
                continue
            if not data:
                break
            received.update(data)
            count += len(data)
        sender.join()
        if failure:
            raise failure[0]
        return {"sent": sent.hexdigest(), "received": received.hexdigest(), "bytes": count}

    def do_farTransfer(self, bytes, back=0):
        """Sends so many bytes of LONG, and meanwhile reads and compares those that come back; how many, and the first wrong."""
        failure, progress, before = [], [0], -1

        def send():
            view = memoryview(LONG)
            try:
                for at in range(0, bytes, BLOCK):
                    start = at % PERIOD
                    self.socket.sendall(view[start : start + min(BLOCK, bytes - at)])
                    progress[0] = at
            except OSError as error:
                failure.append(error)

        sender = threading.Thread(target=send)
        sender.start()
        count, wrong_at = 0, None
        while count < back:
            try:
                data = self.socket.recv(BLOCK)
            except TimeoutError:
                if progress[0] == before:
                    raise
                before = progress[0]
                continue
            if not data:
                break
            start = count % PERIOD
            if wrong_at is None and data != LONG[start : start + len(data)]:
                wrong_at = count
            count += len(data)
        sender.join()
        if failure:
            raise failure[0]
        return {"bytes": count, "wrongAt": wrong_at}

    def do_pattern(self, bytes, toEnd=False):
        """Reads at least so many bytes of RFC 864's pattern; `toEnd` then ends its direction and reads what comes."""
        while self.pattern.bytes < bytes:
            data = self.socket.recv(BLOCK)
            if not data:
                break
            self.pattern.take(data)
        if toEnd:
            self.socket.shutdown(socket.SHUT_WR)
            while data := self.socket.recv(BLOCK):
                self.pattern.take(data)
        return self.pattern.result()

    def do_readAside(self):
        """Begins to read RFC 864's pattern, without pause and to the end, whatever else is asked meanwhile."""

        def read():
            try:
                while data := self.socket.recv(BLOCK):
                    self.pattern.take(data)
            except OSError as error:
                self.aside_failure = error

        self.aside_failure = None
        self.aside = threading.Thread(target=read)
        self.aside.start()
        return {}

    def do_endAside(self):
        """Ends the sending direction; what has been read aside when the other has ended too."""
        self.socket.shutdown(socket.SHUT_WR)
        self.aside.join()
        if self.aside_failure:
            raise self.aside_failure
        return self.pattern.result()

    def do_push(self, bytes, withinMs):
        """Writes until so many bytes are taken or the time is over; how many the kernel took."""
        deadline = time.monotonic() + withinMs / 1000
        block, taken = b"x" * BLOCK, 0
        self.socket.setblocking(False)
        while taken < bytes and (rest := deadline - time.monotonic()) > 0:
            if select.select([], [self.socket], [], rest)[1]:
                taken += self.socket.send(block[: bytes - taken])
        self.socket.settimeout(TIMEOUT_S)
        return {"bytes": taken}

    def do_send(self, text):
        self.socket.sendall(text.encode())
        return {}

    def do_receive(self, bytes):
        """Reads exactly so many bytes, or what comes before the end."""
        text = b""
        while len(text) < bytes and (data := self.socket.recv(bytes - len(text))):
            text += data
        return {"text": text.decode("latin-1"), "bytes": len(text)}

    def do_receiveToEnd(self):
        count = 0
        while data := self.socket.recv(BLOCK):
            count += len(data)
        return {"bytes": count}

    def do_shutdown(self):
        """Ends the sending direction only."""
        self.socket.shutdown(socket.SHUT_WR)
        return {}

    def do_close(self):
        self.socket.close()
        return {}

    def do_abort(self):
        """Closes by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        return {}

    def do_openAndClose(self, port):
        """Opens and closes at once: the FIN follows the handshake's ACK without a pause."""
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(TIMEOUT_S)
        connection.connect((HOST, port))
        local = connection.getsockname()[1]
        connection.close()
        return {"localPort": local}

    def do_info(self):
        """What the kernel thinks of the connection (struct tcp_info of linux/tcp.h)."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        state, _, _, probes, _, options, scales = struct.unpack_from("7B", info)
        rto_us, _, send_mss = struct.unpack_from("3I", info, 8)
        congestion = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        return {
            "state": state,
            "probes": probes,
            "timestamps": bool(options & 1),
            "sack": bool(options & 2),
            "windowScaling": bool(options & 4),
            "ecn": bool(options & 8),
            "ecnSeen": bool(options & 16),
            "sendMss": send_mss,
            "congestion": congestion.rstrip(b"\0").decode(),
        }


def main():
    peer = Peer()
    for line in sys.stdin:
        step = json.loads(line)
        try:
            answer = getattr(peer, "do_" + step.pop("do"))(**step)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
