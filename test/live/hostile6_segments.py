"""TCP over IPv6, and IPv4 packets, by hand: segment sizes, sums, flow labels, path MTU, a flood of SYNs; one group a run.

    python3 hostile6_segments.py GROUP DEVICE TARGET_MAC TARGET_IPV6 TARGET_IPV4 OPEN_PORT CLOSED_PORT CHARGEN_PORT SHARE

One JSON line for each case: {"case": name, "replies": [...], "expected": [...]}; what is expected comes from the RFC that the case
names. A flood is 1/SHARE of what it is in full. Must not know: how the target is started.
"""

import itertools
import json
import os
import random
import struct
import sys

from hostile6_wire import (
    ALL_NODES, ICMP4, ICMP6, PATIENCE_S, TCP, UDP, UNSPECIFIED, KernelTalk, Wire, checksum, echo4, group_mac, icmp4, icmp6, ip4, ip6, packed, tcp,
    text, udp,
)

GROUP, DEVICE, MAC, TARGET, TARGET4 = sys.argv[1:6]
OPEN, CLOSED, CHARGEN, SHARE = map(int, sys.argv[6:10])
SOURCE4 = TARGET4.rsplit(".", 1)[0] + ".77"
BROADCAST4 = TARGET4.rsplit(".", 1)[0] + ".255"
wire = Wire(DEVICE, MAC, TARGET, TARGET4, CLOSED)
ports = itertools.count(20000)
random.seed(6)


def report(case, replies, expected):
    print(json.dumps({"case": case, "replies": replies, "expected": expected}), flush=True)


class Hand:
    """A connection whose every segment is ours to choose."""

    def __init__(self, port, options=b"", window=65535, source=None):
        self.source, self.local, self.port, self.window = source or wire.stranger(), next(ports), port, window
        self.seq, self.ack, self.labels = 1000, 0, []
        self.put("SYN", options=options)
        found = [packet for packet in wire.collect() if self.is_ours(packet)]
        # Without this answer there is nothing to test.
        answer = next(packet for packet in found if packet["flags"] == "SYN,ACK")
        self.labels.append(answer["flow"])
        self.seq, self.ack = 1001, answer["seq"] + 1
        self.put("ACK")

    def is_ours(self, packet):
        return packet["protocol"] == TCP and packet.get("dport") == self.local and packet["destination"] == self.source

    def put(self, flags, data=b"", options=b""):
        ack = self.ack if "ACK" in flags else 0
        segment = tcp(self.source, TARGET, self.local, self.port, flags, self.seq, ack, data, options, self.window)
        wire.put(ip6(self.source, TARGET, TCP, segment))
        self.seq += len(data)

    def hear(self, seconds=PATIENCE_S):
        """The next segment of ours, None after so long."""
        while packet := wire.next(seconds):
            if self.is_ours(packet):
                self.labels.append(packet["flow"])
                return packet
        return None

    def take(self, count):
        """So many bytes in order, acknowledged one by one; the lengths of their segments."""
        lengths, taken = [], 0
        while taken < count and (packet := self.hear()):
            if packet["seq"] == self.ack and packet["data"]:
                taken += len(packet["data"])
                self.acknowledge(packet)
                lengths.append(len(packet["data"]))
            self.put("ACK")
        return lengths

    def acknowledge(self, packet):
        """Moves on to the end of a segment, modulo 2^32; `put` tells it."""
        self.ack = (packet["seq"] + len(packet["data"])) & 0xFFFFFFFF

    def is_before(self, number):
        """Whether a number is no further than what has been acknowledged."""
        return (self.ack - number) & 0xFFFFFFFF < 1 << 31

    def unacknowledged(self, first=0.1):
        """All that comes without an acknowledgment, until nothing more does; the first may take so long."""
        found, patience = [], first
        while True:
            while packet := self.hear(patience):
                found.append(packet)
                patience = 0.1
            # Who is held up says nothing either; who answers a mark has said all.
            more = [packet for packet in wire.collect(rounds=1) if self.is_ours(packet)]
            if not more:
                return found
            found += more

    def end(self):
        self.put("RST")
        wire.collect(rounds=1)


def is_sum_right(packet):
    body = packet["body"]
    return checksum(packed(packet["source"]) + packed(packet["destination"]) + struct.pack("!II", len(body), TCP) + body) == 0


def segments():
    # RFC 9293 section 3.7.1: 1220 without the option.
    for options, most in ((b"", 1220), (b"\x02\x04\x05\xa0", 1440), (b"\x02\x04\x02\x00", 512), (b"\x02\x04\xff\xff", 1440)):
        c = Hand(CHARGEN, options)
        report(f"full segments after options {options.hex() or 'none'}", max(c.take(40_000)), most)
        c.end()
    c, wrong = Hand(OPEN, b"\x02\x04\x05\xa0"), []
    for length in [*range(1, 66), *range(1201, 1441, 24)]:
        c.put("PSH,ACK", os.urandom(length))
        got = 0
        while got < length and (packet := c.hear()):
            wrong += [] if is_sum_right(packet) else [length]
            # Whoever is slow to acknowledge gets some of it again.
            if packet["seq"] == c.ack:
                got += len(packet["data"])
                c.acknowledge(packet)
        c.put("ACK")
    report("sums of segments of many lengths", wrong, [])
    c.end()
    labels = []
    for _ in range(16):
        c = Hand(OPEN)
        for _ in range(3):
            c.put("PSH,ACK", b"hello")
            c.take(5)
        c.put("FIN,ACK")
        c.hear()
        c.end()
        labels.append(sorted(set(c.labels)))
    # RFC 6437 section 2: one for a flow, not zero, and others for others.
    report("a flow label of each connection alone", [len(each) == 1 and each[0] != 0 for each in labels], [True] * 16)
    # They are random, of twenty bits: one pair in nine thousand runs may be alike.
    report("flow labels of connections differ", len({each[0] for each in labels}) >= 15 or labels, True)
    closed_ports()


def closed_ports():
    source = wire.stranger()
    for flags, expected in (("SYN", ["RST,ACK"]), ("ACK", ["RST"]), ("FIN,ACK", ["RST"]), ("FIN", ["RST,ACK"]), ("RST", []), ("RST,ACK", [])):
        segment = tcp(source, TARGET, next(ports), CLOSED, flags, ack=5000 if "ACK" in flags else 0)
        report(f"{flags} to a closed port", wire.ask(ip6(source, TARGET, TCP, segment)), expected)
    for odd in (UNSPECIFIED, "ff02::1", "ff0e::1", "::1", TARGET):
        packet = ip6(odd, TARGET, TCP, tcp(odd, TARGET, next(ports), OPEN, "SYN"))
        report(f"SYN from {odd}", wire.ask(packet), [])
    packet = ip6(TARGET, TARGET, TCP, tcp(TARGET, TARGET, OPEN, OPEN, "SYN"))
    report("LAND", wire.ask(packet), [])
    packet = ip6(source, ALL_NODES, TCP, tcp(source, ALL_NODES, next(ports), OPEN, "SYN"))
    report("SYN to all nodes", wire.ask(packet, to=group_mac(ALL_NODES)), [])
    good = tcp(source, TARGET, next(ports), OPEN, "SYN")
    for case, segment in (
        ("a wrong sum", good[:16] + bytes([good[16] ^ 1]) + good[17:]),
        ("a sum of zero", good[:16] + b"\0\0" + good[18:]),
        ("the sum of IPv4's pseudo-header", tcp(SOURCE4, TARGET4, 20001, OPEN, "SYN")),
        ("ten bytes", good[:10]),
        ("data offset 4", good[:12] + b"\x40" + good[13:]),
        ("data offset 15", good[:12] + b"\xf0" + good[13:]),
    ):
        report(f"SYN with {case}", wire.ask(ip6(source, TARGET, TCP, segment)), [])


def too_big():
    """RFC 8201 and RFC 5927, about a connection that sends."""
    c = Hand(CHARGEN, b"\x02\x04\x05\xa0", window=30_000)
    router = "fe80::99"

    def told(mtu, packet, shift=0):
        """A router's word about a segment; the number that it quotes `shift` bytes away from it."""
        start = packet["frame"][14:]
        number = (packet["seq"] + shift) & 0xFFFFFFFF
        quote = start[:44] + struct.pack("!I", number) + start[48:1232]
        wire.put(ip6(router, TARGET, ICMP6, icmp6(router, TARGET, 2, 0, struct.pack("!I", mtu), quote), hops=255))
        return [packet for packet in wire.collect(rounds=1) if c.is_ours(packet) and packet["data"]]

    def flight(first=0.1):
        """What is in flight, none of it acknowledged; the first is what will be quoted."""
        found = c.unacknowledged(first)
        return [packet for packet in found if packet["data"]]

    def move(packets):
        """Acknowledges a flight as far as it is whole; gives the sizes of the packets of the next."""
        for packet in sorted(packets, key=lambda each: (each["seq"] - c.ack) & 0xFFFFFFFF ^ 1 << 31):
            if c.is_before(packet["seq"]) and not c.is_before(packet["seq"] + len(packet["data"])):
                c.acknowledge(packet)
        c.put("ACK")
        return flight(first=PATIENCE_S)

    packets = move(flight(first=PATIENCE_S))
    report("before", max(packet["bytes"] for packet in packets), 1500)
    for case, mtu, shift in (
        ("an MTU of 1279, which no link has", 1279, 0),
        ("an MTU of 0", 0, 0),
        ("an MTU above the link's", 9000, 0),
        ("a number that is not in flight", 1280, -1_000_000),
        ("a number that was not sent yet", 1280, 1_000_000),
    ):
        told(mtu, packets[0], shift)
        packets = move(packets)
        report(f"too big: {case}", max(packet["bytes"] for packet in packets), 1500)
    again = told(1280, packets[0]) + flight()
    report("too big: sent again in pieces that pass", bool(again) and max(packet["bytes"] for packet in again) <= 1280, True)
    sizes = []
    for times in range(100):
        if times >= 10 and len(sizes) > 50:
            break
        again = move(again + packets)
        packets = []
        sizes += [packet["bytes"] for packet in again]
    report("too big: it goes on with 1280 bytes", [len(sizes) > 50, max(sizes)], [True, 1280])
    c.end()


def ipv4():
    # RFC 1122 section 3.2.1.3: no host has such a source.
    for odd in (BROADCAST4, "255.255.255.255", "224.0.0.1", "239.1.2.3", "0.0.0.0", "127.0.0.1", "127.255.255.255", TARGET4):
        report(f"IPv4 echo from {odd}", wire.ask(ip4(odd, TARGET4, ICMP4, echo4())), [])
        report(f"IPv4 UDP from {odd}", wire.ask(ip4(odd, TARGET4, UDP, udp(odd, TARGET4, CLOSED))), [])
        report(f"IPv4 protocol 253 from {odd}", wire.ask(ip4(odd, TARGET4, 253, b"1234")), [])
    for group, mac in ((BROADCAST4, b"\xff" * 6), ("255.255.255.255", b"\xff" * 6), ("224.0.0.1", group_mac("224.0.0.1"))):
        report(f"IPv4 echo to {group}", wire.ask(ip4(SOURCE4, group, ICMP4, echo4()), to=mac), [])
        report(f"IPv4 UDP to {group}", wire.ask(ip4(SOURCE4, group, UDP, udp(SOURCE4, group, CLOSED)), to=mac), [])
    report("IPv4 echo in a broadcast frame", wire.ask(ip4(SOURCE4, TARGET4, ICMP4, echo4()), to=b"\xff" * 6), [])
    # A route that has come to its end, the answers by the way that they always go (RFC 7126 sections 4.3 and 4.4).
    for name, kind in (("loose", 131), ("strict", 137)):
        done = bytes([kind, 7, 8]) + packed("10.33.0.99") + b"\0"
        report(f"IPv4 echo with a {name} source route behind it", wire.ask(ip4(SOURCE4, TARGET4, ICMP4, echo4(), done)), ["echo"])
        left = bytes([kind, 7, 4]) + packed("10.33.0.99") + b"\0"
        wire.put(ip4(SOURCE4, TARGET4, ICMP4, echo4(), left))
        found = [packet["destination"] for packet in wire.collect() if "identification" in packet]
        report(f"IPv4: nothing is forwarded by a {name} source route", [each for each in found if each != SOURCE4], [])
    for name, options in (
        ("record route", b"\x07\x07\x04\0\0\0\0\0"),
        ("of length 0", b"\x07\0\0\0"),
        ("of length 1", b"\x44\1\0\0"),
        ("too long", b"\x07\x0b\4\0"),
    ):
        answers = wire.ask(ip4(SOURCE4, TARGET4, ICMP4, echo4(), options))
        report(f"IPv4 option {name}: at most an answer", len(answers) <= 1 or answers, True)
    report("IPv4 UDP to nobody's port", wire.ask(ip4(SOURCE4, TARGET4, UDP, udp(SOURCE4, TARGET4, CLOSED))), ["error 3/3"])
    report("IPv4 protocol 253", wire.ask(ip4(SOURCE4, TARGET4, 253, b"1234")), ["error 3/2"])
    report("IPv4: no error about a later fragment", wire.ask(ip4(SOURCE4, TARGET4, 253, b"12345678", offset=5)), [])
    quote = ip4(TARGET4, SOURCE4, TCP, tcp(TARGET4, SOURCE4, OPEN, 20000, "ACK"))
    for kind in (3, 4, 5, 11, 12, 1, 2, 7, 13, 17, 100, 255):
        report(f"ICMP type {kind}", wire.ask(ip4(SOURCE4, TARGET4, ICMP4, icmp4(kind, 2, bytes(4), quote))), [])
    identifications()


def identifications():
    """RFC 6864: what cannot be fragmented says so; what was, has a number that nothing else has."""
    cuts = []
    wire.put(ip4(SOURCE4, TARGET4, TCP, tcp(SOURCE4, TARGET4, next(ports), OPEN, "SYN")))
    found = [packet for packet in wire.collect() if packet["destination"] == SOURCE4]
    cuts = [packet["cut"] for packet in found]
    report("IPv4: DF on a SYN-ACK", cuts[:1], [0x4000])
    for packet in found:
        wire.reset(packet)
    numbers, odd = [], []
    for sequence in range(20):
        whole, starts = echo4(os.urandom(3000), sequence), (0, 1480, 2960)
        for start in starts:
            part = whole[start : start + 1480]
            wire.put(ip4(SOURCE4, TARGET4, ICMP4, part, flags=int(start < 2960), offset=start // 8, identification=sequence))
        found = [packet for packet in wire.collect() if packet["destination"] == SOURCE4 and packet["protocol"] == ICMP4]
        numbers.append({packet["identification"] for packet in found})
        odd += [packet["cut"] for packet in found if packet["cut"] & 0x4000] + ([] if len(found) == 3 else [len(found)])
    report("IPv4: fragments of one answer have one number", [len(each) for each in numbers], [1] * 20)
    report("IPv4: numbers of answers differ", len(set.union(*numbers)), 20)
    report("IPv4: no fragment says that it is none", odd, [])


def syn_flood():
    """RFC 4987: fifty thousand SYNs in full, of hosts that do not exist; real clients are served all the while."""
    talk, going, count = KernelTalk(TARGET, OPEN), [], 50_000 // SHARE
    for number in range(count):
        source = text(packed("2001:db8::")[:4] + random.randbytes(12))
        wire.put(ip6(source, TARGET, TCP, tcp(source, TARGET, random.randrange(1024, 65536), OPEN, "SYN", seq=random.getrandbits(32))))
        if number % (count // 10) == 0:
            with KernelTalk(TARGET, OPEN) as other:
                going += [talk.goes_on(), other.goes_on()]
    report("clients in a flood of SYNs", going, [True] * 20)


GROUPS = {"segments": segments, "too-big": too_big, "ipv4": ipv4, "syn-flood": syn_flood}
GROUPS[GROUP]()
