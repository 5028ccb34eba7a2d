"""Packets of both families by hand, put on a device, and what a target says to them.

Owns: building and reading packets byte by byte, without the kernel's help or tcplab's codec; collecting answers. Must not know: what a
test looks for.

What comes back is complete when two ACKs to a port where nobody listens have got their RST, one after the other: the target takes
frames in order, and whoever had to be asked for its hardware address has answered by the second.
"""

import itertools
import os
import socket
import struct
import time

HOP, TCP, UDP, ROUTING, FRAGMENT, ESP, AH, ICMP6, NONE, DESTINATION = 0, 6, 17, 43, 44, 50, 51, 58, 59, 60
ICMP4 = 1
FLAGS = ["SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]
BITS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ECE": 64, "CWR": 128}
ETH_P_ALL = 0x0003
# Only what does not answer at all takes so long.
PATIENCE_S = 60
ALL_NODES = "ff02::1"
UNSPECIFIED = "::"


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def text(address):
    return socket.inet_ntop(socket.AF_INET6 if len(address) == 16 else socket.AF_INET, address)


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def group_mac(address):
    return b"\x33\x33" + packed(address)[12:] if ":" in address else b"\x01\x00\x5e" + bytes([packed(address)[1] & 127]) + packed(address)[2:]


def solicited_node(address):
    return text(packed("ff02::1:ff00:0")[:13] + packed(address)[13:])


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def summed(source, destination, protocol, data, at):
    """The data with its checksum over the pseudo-header written at an offset."""
    pseudo = packed(source) + packed(destination) + struct.pack("!II" if ":" in source else "!HH", len(data), protocol)
    if ":" not in source:
        pseudo = packed(source) + packed(destination) + struct.pack("!HH", protocol, len(data))
    total = checksum(pseudo + data)
    return data[:at] + struct.pack("!H", total) + data[at + 2 :]


def ip6(source, destination, protocol, payload, hops=64, length=None, flow=0):
    size = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28 | flow, size & 0xFFFF, protocol, hops) + packed(source) + packed(destination) + payload


def ip4(source, destination, protocol, payload, options=b"", flags=0, offset=0, identification=1, ttl=64):
    size = 20 + len(options)
    head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, size + len(payload), identification, flags << 13 | offset, ttl, protocol, 0)
    head += packed(source) + packed(destination) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp(source, destination, sport, dport, flags, seq=1000, ack=0, data=b"", options=b"", window=65535):
    bits = sum(BITS[name] for name in flags.split(","))
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (20 + len(options)) // 4 << 4, bits, window, 0, 0)
    return summed(source, destination, TCP, head + options + data, 16)


def udp(source, destination, dport, data=b"?"):
    return summed(source, destination, UDP, struct.pack("!HHHH", 40000, dport, 8 + len(data), 0) + data, 6)


def icmp6(source, destination, kind, code=0, rest=b"\0\0\0\0", data=b""):
    return summed(source, destination, ICMP6, struct.pack("!BBH", kind, code, 0) + rest + data, 2)


def echo6(source, destination, data=b"0123456789", sequence=1):
    return icmp6(source, destination, 128, 0, struct.pack("!HH", 77, sequence), data)


def icmp4(kind, code=0, rest=b"\0\0\0\0", data=b""):
    body = struct.pack("!BBH", kind, code, 0) + rest + data
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def echo4(data=b"0123456789", sequence=1):
    return icmp4(8, 0, struct.pack("!HH", 77, sequence), data)


def options_header(following, options=b"\x01\x04\0\0\0\0"):
    """A hop-by-hop or destination header with these options; they fill it up to its last byte."""
    return bytes([following, (len(options) + 2) // 8 - 1]) + options


def routing_header(following, kind=0, left=0, addresses=1):
    return bytes([following, 2 * addresses, kind, left]) + bytes(4) + packed("fd33::99") * addresses


def fragment_header(following, offset=0, more=False, identification=1):
    """`offset` in bytes."""
    return struct.pack("!BBHI", following, 0, offset | int(more), identification)


def read(frame):
    """A frame of the target as a record, None where it is neither IPv6 nor IPv4."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    found = {"to": frame[:6], "headers": [], "frame": frame}
    if kind == 0x86DD:
        flow, size, protocol, hops = struct.unpack_from("!IHBB", frame, 14)
        source, destination = text(frame[22:38]), text(frame[38:54])
        body = frame[54 : 54 + size]
        found.update(flow=flow & 0xFFFFF, hops=hops, bytes=40 + size)
        while protocol in (HOP, ROUTING, DESTINATION, FRAGMENT):
            found["headers"].append(protocol)
            if protocol == FRAGMENT:
                found["offset"] = struct.unpack_from("!H", body, 2)[0]
                protocol, body = body[0], body[8:]
                if found["offset"] > 7:
                    break
            else:
                protocol, body = body[0], body[8 + 8 * body[1] :]
    elif kind == 0x0800:
        size, identification, cut, hops, protocol = struct.unpack_from("!HHHBB", frame, 16)
        source, destination = text(frame[26:30]), text(frame[30:34])
        body = frame[14 + (frame[14] & 15) * 4 : 14 + size]
        found.update(hops=hops, bytes=size, identification=identification, cut=cut)
    else:
        return None
    found.update(source=source, destination=destination, protocol=protocol, body=body)
    if protocol == TCP and len(body) >= 20:
        sport, dport, seq, ack, offset, bits, window = struct.unpack_from("!HHIIBBH", body)
        start = (offset >> 4) * 4
        found.update(sport=sport, dport=dport, seq=seq, ack=ack, options=body[20:start], data=body[start:], window=window)
        found["flags"] = ",".join(name for name in FLAGS if bits & BITS[name])
    return found


def mss_of(options):
    """The MSS among the options of a SYN, None without."""
    at = 0
    while at < len(options):
        if options[at] == 1:
            at += 1
        elif options[at] == 2:
            return struct.unpack_from("!H", options, at + 2)[0]
        elif options[at] == 0:
            return None
        else:
            at += options[at + 1]
    return None


def named(packet):
    """What an answer is, in a word or two."""
    body = packet["body"]
    if packet.get("offset", 0) > 7 or packet.get("cut", 0) & 0x1FFF:
        return "later fragment"
    if packet["protocol"] == TCP:
        return packet["flags"]
    kind, code, rest = struct.unpack_from("!BBxxI", body)
    if packet["protocol"] == ICMP6:
        if kind == 4:
            return f"problem {code} at {rest}"
        if kind < 128:
            return f"error {kind}/{code}"
        return {129: "echo", 131: "listener report", 135: "NS", 136: "NA", 143: "listener reports", 133: "RS"}.get(kind, f"type {kind}")
    if packet["protocol"] == ICMP4:
        return "echo" if kind == 0 else f"error {kind}/{code}"
    return f"protocol {packet['protocol']}"


class Wire:
    """A device, and a target behind it."""

    def __init__(self, device, target_mac, target6, target4, closed):
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        # SO_RCVBUFFORCE; without the right to it the usual size has to do.
        for option in (33, socket.SO_RCVBUF):
            try:
                self.raw.setsockopt(socket.SOL_SOCKET, option, 32 << 20)
                break
            except PermissionError:
                continue
        self.raw.bind((device, 0))
        self.mac = self.raw.getsockname()[4]
        self.target_mac, self.target, self.target4, self.closed = mac_bytes(target_mac), target6, target4, closed
        self.network = packed(target6)[:8]
        self.marks = itertools.count(1)
        self.marker = text(self.network + packed("::aaaa")[8:])
        # Whom we answer for when the target asks, and the hardware address that it is told.
        self.stations = {self.marker: self.mac}
        # Those of another run may still have connections.
        self.run, self.numbers = os.getpid() % 0x7000 + 1, itertools.count(1)

    def stranger(self):
        """An address that was nobody's yet: limits are for each receiver."""
        number = next(self.numbers)
        address = text(self.network + packed(f"::{self.run:x}:{number:x}")[8:])
        self.stations[address] = self.mac
        return address

    def put(self, packet, to=None, of=None):
        kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
        frame = (to or self.target_mac) + (of or self.mac) + struct.pack("!H", kind) + packet
        while True:
            try:
                return self.raw.send(frame)
            except OSError as error:
                # ENOBUFS: the device's queue is full for a moment.
                if error.errno != 105:
                    raise
                time.sleep(0.001)

    def advertise(self, address, mac, solicited=True, override=True, to=None):
        flags = solicited << 30 | override << 29
        destination = to or self.target
        rest = struct.pack("!I", flags) + packed(address) + b"\x02\x01" + mac
        return ip6(address, destination, ICMP6, icmp6(address, destination, 136, 0, rest), hops=255)

    def next(self, seconds):
        """The target's next packet that is no question for a station of ours, None when there is none for so long."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            self.raw.settimeout(rest)
            try:
                frame = self.raw.recv(70000)
            except TimeoutError:
                return None
            if frame[6:12] != self.target_mac:
                continue
            if frame[12:14] == b"\x08\x06":
                self.answer_arp(frame)
                continue
            if (packet := read(frame)) is None:
                continue
            if packet["protocol"] == ICMP6 and packet["body"][0] == 135:
                asked = text(packet["body"][8:24])
                station = self.stations.get(asked)
                # A station hears what is for it, or for its group.
                if station is not None and packet["source"] != UNSPECIFIED and (frame[0] == 0x33 or frame[:6] == station):
                    self.put(self.advertise(asked, station, to=packet["source"]), of=station)
                if station is not None:
                    continue
            return packet
        return None

    def answer_arp(self, frame):
        """RFC 826: a request for a station is answered."""
        station = self.stations.get(text(frame[38:42]))
        if frame[20:22] == b"\0\1" and station is not None:
            self.raw.send(frame[6:12] + station + frame[12:20] + b"\0\2" + station + frame[38:42] + frame[22:32])

    def collect(self, rounds=2, patience=PATIENCE_S):
        """All packets of the target up to now, but for what it sends by itself."""
        found = []
        for _ in range(rounds):
            mark = next(self.marks)
            number = 0x5A000000 + mark
            self.put(ip6(self.marker, self.target, TCP, tcp(self.marker, self.target, 1024 + mark % 60000, self.closed, "ACK", ack=number)))
            while True:
                packet = self.next(patience)
                if packet is None:
                    raise SystemExit(f"no answer to mark {mark}")
                if packet["destination"] == self.marker and packet["protocol"] == TCP:
                    if packet["seq"] == number:
                        break
                    continue
                found.append(packet)
        return found

    def ask(self, *packets, to=None, of=None):
        """What comes back for packets, in words."""
        self.collect(rounds=1)
        for packet in packets:
            self.put(packet, to=to, of=of)
        found = self.collect()
        for packet in found:
            if packet.get("flags") == "SYN,ACK":
                self.reset(packet)
        # What is still said to another station on a connection of its own is no answer.
        asked = {text(packet[8:24] if packet[0] >> 4 == 6 else packet[12:16]) for packet in packets if len(packet) >= 24}
        others = self.stations.keys() - asked
        answers = [packet for packet in found if not (packet["destination"] in others and packet["protocol"] == TCP)]
        return [name for name in map(named, answers) if name not in ("listener reports", "RS", "NS")]

    def reset(self, packet):
        """Ends the connection that a packet is of, so that nothing of it comes again."""
        ours, theirs = packet["destination"], packet["source"]
        segment = tcp(ours, theirs, packet["dport"], packet["sport"], "RST", seq=packet["ack"])
        self.put(ip6(ours, theirs, TCP, segment) if ":" in ours else ip4(ours, theirs, TCP, segment))


class KernelTalk:
    """A connection of the kernel's own TCP to an echo server, which must go on whatever else is on the wire."""

    def __init__(self, address, port):
        self.socket = socket.create_connection((address, port), PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def goes_on(self, count=5000):
        sent, received = os.urandom(count), b""
        self.socket.sendall(sent)
        while len(received) < count and (data := self.socket.recv(65536)):
            received += data
        return received == sent
