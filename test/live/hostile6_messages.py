"""ICMPv6 that no well-behaved host sends: errors, echo, neighbour discovery, routers, listeners; one group a run.

    python3 hostile6_messages.py GROUP DEVICE TARGET_MAC TARGET_IPV6 TARGET_IPV4 OPEN_PORT CLOSED_PORT CHARGEN_PORT SHARE

One JSON line for each case: {"case": name, "replies": [...], "expected": [...]}; what is expected comes from the RFC that the case
names. A flood is 1/SHARE of what it is in full. Must not know: how the target is started.
"""

import itertools
import json
import os
import random
import struct
import sys
import time

from hostile6_wire import (
    ALL_NODES, FRAGMENT, HOP, ICMP6, KernelTalk, PATIENCE_S, TCP, UDP, UNSPECIFIED, Wire, echo6, fragment_header, group_mac, icmp6, ip6, mac_bytes,
    mss_of, named, options_header, packed, solicited_node, summed, tcp, text, udp,
)

GROUP, DEVICE, MAC, TARGET, TARGET4 = sys.argv[1:6]
OPEN, CLOSED, _, SHARE = map(int, sys.argv[6:10])
wire = Wire(DEVICE, MAC, TARGET, TARGET4, CLOSED)
ports = itertools.count(20000)
OTHER_MAC = mac_bytes("02:00:00:00:00:bb")
random.seed(6)


def report(case, replies, expected):
    print(json.dumps({"case": case, "replies": replies, "expected": expected}), flush=True)


def spoiled(packet):
    """With a wrong sum of ICMPv6."""
    return packet[:42] + bytes([packet[42] ^ 0x11]) + packet[43:]


def sent6(source, destination, message, hops=255):
    return ip6(source, destination, ICMP6, message, hops=hops)


def echoes():
    source = wire.stranger()
    for size in (0, 1, 2, 7, 1000, 1452):
        data = os.urandom(size)
        wire.put(sent6(source, TARGET, echo6(source, TARGET, data), hops=1))
        found = [packet for packet in wire.collect() if packet["destination"] == source]
        said = [[packet["source"], named(packet), packet["body"][4:] == struct.pack("!HH", 77, 1) + data] for packet in found]
        report(f"echo of {size} bytes", said, [[TARGET, "echo", True]])
    # RFC 4443 section 4.2: an answer to a group's comes from an address of our own.
    for group in (ALL_NODES, solicited_node(TARGET)):
        wire.put(sent6(source, group, echo6(source, group), hops=1), to=group_mac(group))
        found = [packet for packet in wire.collect() if named(packet) == "echo"]
        report(f"echo to {group}", [packet["source"] for packet in found], [TARGET])
    whole = echo6(source, ALL_NODES, os.urandom(1000))
    for start, end in ((0, 800), (800, len(whole))):
        part = fragment_header(ICMP6, start, end < len(whole), 7) + whole[start:end]
        wire.put(ip6(source, ALL_NODES, FRAGMENT, part), to=group_mac(ALL_NODES))
    found = [packet for packet in wire.collect() if named(packet) == "echo"]
    report("echo to all nodes in fragments", [packet["body"][8:] == whole[8:] for packet in found], [True])
    cases = [(f"echo from {odd}", sent6(odd, TARGET, echo6(odd, TARGET)), None) for odd in (UNSPECIFIED, "ff02::1", "::1", TARGET)]
    for group in ("ff02::2", "ff02::5", "ff05::1", "ff02::1:ff12:3456"):
        cases.append((f"echo to {group}", sent6(source, group, echo6(source, group)), group_mac(group)))
    cases.append(("echo with a wrong sum", spoiled(sent6(source, TARGET, echo6(source, TARGET))), None))
    cases.append(("echo to somebody else", sent6(source, "fd33::55", echo6(source, "fd33::55")), None))
    cases += [(f"echo cut to {size} bytes", sent6(source, TARGET, summed_cut(source, size)), None) for size in range(8)]
    for case, packet, mac in cases:
        report(case, wire.ask(packet, to=mac), [])


def summed_cut(source, size):
    """The first bytes of an echo request, their sum right where there is room for it."""
    message = b"\x80\0\0\0\0\x4d\0\1"[:size]
    return summed(source, TARGET, ICMP6, message, 2) if size >= 4 else message


def errors():
    """RFC 4443 section 2.4 (e): what there must be no error about."""
    source = wire.stranger()
    report("UDP to nobody's port", wire.ask(ip6(source, TARGET, UDP, udp(source, TARGET, CLOSED))), ["error 1/4"])
    for odd in (UNSPECIFIED, ALL_NODES, "::1", TARGET):
        report(f"UDP from {odd}", wire.ask(ip6(odd, TARGET, UDP, udp(odd, TARGET, CLOSED))), [])
    packet = ip6(source, ALL_NODES, UDP, udp(source, ALL_NODES, CLOSED))
    report("UDP to all nodes", wire.ask(packet, to=group_mac(ALL_NODES)), [])
    packet = ip6(source, TARGET, UDP, udp(source, TARGET, CLOSED))
    for name, mac in (("group", group_mac(ALL_NODES)), ("broadcast", b"\xff" * 6)):
        report(f"UDP to our address in a frame to a {name}", wire.ask(packet, to=mac), [])
    quote = ip6(TARGET, source, TCP, tcp(TARGET, source, OPEN, 20000, "ACK"))
    for kind in (1, 2, 3, 4, 100, 127, 137, 138, 160, 200, 255):
        for name, rest in (("", b"\0\0\5\0"), (" of nothing", b"\0\0\5\0")):
            message = icmp6(source, TARGET, kind, 0, rest, quote if name == "" else b"")
            report(f"ICMPv6 type {kind}{name}", wire.ask(sent6(source, TARGET, message)), [])
    # An error about what is itself behind an unknown option: section 2.4 (e.1).
    header = options_header(ICMP6, b"\x9e\x04" + bytes(4))
    report("an error behind an unknown option", wire.ask(ip6(source, TARGET, 60, header + icmp6(source, TARGET, 1, 4, bytes(4), quote))), [])
    long = ip6(wire.stranger(), TARGET, UDP, b"")
    source = text(long[8:24])
    wire.put(ip6(source, TARGET, UDP, udp(source, TARGET, CLOSED, b"x" * 1400)))
    report("an error's size (section 2.4 (c))", [packet["bytes"] for packet in wire.collect() if packet["destination"] == source], [1280])
    flood_of_errors()


def flood_of_errors():
    """RFC 4443 section 2.4 (f): ten at once and ten a second to one, a hundred at once and fifty a second to all."""
    time.sleep(3)
    for name, sources, burst, rate in (("one", 1, 10, 10), ("many", 1500, 100, 100)):
        senders = [wire.stranger() for _ in range(sources)]
        packets = [ip6(source, TARGET, UDP, udp(source, TARGET, CLOSED)) for source in senders]
        since, count = time.monotonic(), 0
        for number in range(3000):
            wire.put(packets[number % sources])
            if number % 300 == 299:
                count += sum(named(packet) == "error 1/4" for packet in wire.collect())
        most = burst + rate * (time.monotonic() - since) + 1
        report(f"3,000 datagrams of {name}: no more errors than so many", [5 < count <= most, count][: 1 if 5 < count <= most else 2], [True])


def solicitation(source=None, target=TARGET, destination=None, hops=255, code=0, option=None, cut=None):
    source = source or wire.stranger()
    destination = destination or solicited_node(target if not target.startswith("ff") else TARGET)
    option = (b"" if source == UNSPECIFIED else b"\x01\x01" + wire.mac) if option is None else option
    message = icmp6(source, destination, 135, code, bytes(4) + packed(target), option)
    if cut is not None:
        message = summed(source, destination, ICMP6, message[:2] + b"\0\0" + message[4:cut], 2)
    return sent6(source, destination, message, hops), group_mac(destination) if destination.startswith("ff") else None


def solicitations():
    """RFC 4861 section 7.1.1."""
    answer = ["NA"]
    for case, about, expected in (
        ("a solicitation", {}, answer),
        ("one to our address", {"destination": TARGET}, answer),
        ("one with an option that nobody knows", {"option": b"\x01\x01" + wire.mac + b"\xfd\x02" + bytes(14)}, answer),
        ("one of somebody who looks for a duplicate", {"source": UNSPECIFIED}, answer),
        ("hop limit 254", {"hops": 254}, []),
        ("hop limit 1", {"hops": 1}, []),
        ("code 1", {"code": 1}, []),
        ("23 bytes", {"cut": 23}, []),
        ("8 bytes", {"cut": 8}, []),
        ("option of length 0", {"option": b"\x01\0" + wire.mac}, []),
        ("a second option of length 0", {"option": b"\x01\x01" + wire.mac + b"\xfd\0" + bytes(6)}, []),
        ("option longer than the packet", {"option": b"\x01\x02" + wire.mac}, []),
        ("target a group", {"target": ALL_NODES}, []),
        ("target somebody else", {"target": "fd33::55", "destination": TARGET}, []),
        ("source :: to our address", {"source": UNSPECIFIED, "destination": TARGET}, []),
        ("source :: to all nodes", {"source": UNSPECIFIED, "destination": ALL_NODES}, []),
        ("source :: with an option", {"source": UNSPECIFIED, "option": b"\x01\x01" + wire.mac}, []),
        ("source a group", {"source": "ff02::1"}, []),
        ("source ::1", {"source": "::1"}, []),
            ):
        packet, mac = solicitation(**about)
        report(f"solicitation: {case}", wire.ask(packet, to=mac), expected)
    packet, mac = solicitation()
    report("solicitation: wrong sum", wire.ask(spoiled(packet), to=mac), [])
    for case, about in (("of a host", {}), ("of nobody yet", {"source": UNSPECIFIED})):
        packet, mac = solicitation(**about)
        wire.put(packet, to=mac)
        found = [packet for packet in wire.collect() if named(packet) == "NA"]
        flags = [[packet["hops"], packet["body"][4] >> 5, text(packet["body"][8:24]), packet["body"][24:].hex()] for packet in found]
        flag_bits = 1 if about else 3
        report(f"the answer to one {case}", flags, [[255, flag_bits, TARGET, "0201" + MAC.replace(":", "")]])
        where = [packet["destination"] for packet in found]
        report(f"whom the answer to one {case} goes to", where, [ALL_NODES if about else text(packet[8:24])])


class HandConnection:
    """An established connection of a station by hand."""

    def __init__(self, mac=None):
        self.source, self.port = wire.stranger(), next(ports)
        wire.stations[self.source] = mac or wire.mac
        self.seq = 1000
        wire.put(self.segment("SYN"))
        self.ack = next(packet for packet in wire.collect() if packet.get("flags") == "SYN,ACK")["seq"] + 1
        self.seq += 1
        wire.put(self.segment("ACK"))
        self.where()

    def segment(self, flags, data=b""):
        ack = self.ack if "ACK" in flags else 0
        return ip6(self.source, TARGET, TCP, tcp(self.source, TARGET, self.port, OPEN, flags, seq=self.seq, ack=ack, data=data))

    def where(self):
        """The hardware address that data goes to now."""
        wire.put(self.segment("PSH,ACK", b"where?"))
        self.seq += 6
        while packet := wire.next(PATIENCE_S):
            if packet["destination"] == self.source and packet.get("data"):
                self.ack = packet["seq"] + len(packet["data"])
                wire.put(self.segment("ACK"))
                return packet["to"].hex(":")
        return "nowhere"

    def put_unheard(self, data):
        """Data whose echo is not acknowledged."""
        wire.put(self.segment("PSH,ACK", data))
        self.seq += len(data)

    def end(self):
        wire.put(self.segment("RST"))


def advertisements():
    """RFC 4861 sections 7.1.2 and 7.2.5, about a station that somebody talks to."""
    here, there = wire.mac.hex(":"), OTHER_MAC.hex(":")
    c = HandConnection()

    def advertisement(kind=136, code=0, flags=0x20, target=None, destination=ALL_NODES, hops=255, option=None, cut=None, source=None):
        source = source or c.source
        option = b"\x02\x01" + OTHER_MAC if option is None else option
        message = bytes([kind, code, 0, 0, flags, 0, 0, 0]) + packed(target or c.source) + option
        message = summed(source, destination, ICMP6, message[:cut], 2)
        return sent6(source, destination, message, hops), group_mac(destination) if destination.startswith("ff") else None

    for case, about, expected in (
        ("hop limit 254", {"hops": 254}, here),
        ("code 1", {"code": 1}, here),
        ("23 bytes", {"cut": 23}, here),
        ("option of length 0", {"option": b"\x02\0" + OTHER_MAC}, here),
        ("target a group", {"target": ALL_NODES}, here),
        ("solicited, to a group", {"flags": 0x60}, here),
        ("a group's hardware address", {"option": b"\x02\x01\x33\x33\0\0\0\1"}, here),
        ("the broadcast hardware address", {"option": b"\x02\x01" + b"\xff" * 6}, here),
        ("no hardware address", {"option": b"\x02\x01" + bytes(6)}, here),
        ("our own hardware address", {"option": b"\x02\x01" + mac_bytes(MAC)}, here),
        ("source a group", {"source": "ff02::5"}, here),
        ("without override", {"flags": 0}, here),
        ("without override, solicited", {"flags": 0x40, "destination": TARGET}, here),
        ("of another target", {"target": "fd33::55"}, here),
        ("one that overrides", {}, there),
    ):
        packet, mac = advertisement(**about)
        wire.put(packet, to=mac)
        report(f"advertisement: {case}", c.where(), expected)
    # The real one speaks.
    packet, mac = advertisement(option=b"\x02\x01" + wire.mac)
    wire.put(packet, to=mac)
    report("advertisement: the real one overrides", c.where(), here)
    redirect(c, here)
    c.end()
    our_own_address()


def redirect(c, here):
    """RFC 4861 section 8; here redirects are not followed, and there is no answer."""
    router = "fe80::99"
    for destination, target in ((c.source, c.source), (c.source, "fe80::98")):
        option = b"\x02\x01" + OTHER_MAC
        message = icmp6(router, TARGET, 137, 0, bytes(4) + packed(target) + packed(destination), option)
        report(f"redirect to {'a neighbour' if target == destination else 'a router'}", wire.ask(sent6(router, TARGET, message)), [])
        report("where it goes afterwards", c.where(), here)


def our_own_address():
    """RFC 4862 section 5.4, and the answer that keeps neighbours with us."""
    option = b"\x02\x01" + OTHER_MAC
    message = icmp6(TARGET, ALL_NODES, 136, 0, b"\x20\0\0\0" + packed(TARGET), option)
    wire.put(sent6(TARGET, ALL_NODES, message), to=group_mac(ALL_NODES), of=OTHER_MAC)
    found = [[packet["destination"], packet["body"][4] >> 5, packet["body"][24:].hex()] for packet in wire.collect() if named(packet) == "NA"]
    report("somebody else advertises our address", found, [[ALL_NODES, 1, "0201" + MAC.replace(":", "")]])


def floods():
    """Twenty thousand solicitations of strangers in full, and as many advertisements; a real client goes on."""
    talk = KernelTalk(TARGET, OPEN)
    for kind in ("solicitations", "advertisements"):
        going, count = [], 20_000 // SHARE
        for number in range(count):
            source = text(packed(TARGET)[:8] + random.randbytes(8))
            mac = b"\x02" + random.randbytes(5)
            if kind == "solicitations":
                packet, to = solicitation(source=source, option=b"\x01\x01" + mac)
                wire.put(packet, to=to, of=mac)
            else:
                wire.put(wire.advertise(source, mac), of=mac)
            if number % (count // 10) == 0:
                going.append(talk.goes_on())
        report(f"a client in a flood of {kind}", [*going, talk.goes_on()], [True] * 11)
    while wire.next(0.2):
        pass
    # Local to the target, and told by it: fifty answers a second to one.
    packet, to = solicitation()
    since = time.monotonic()
    for _ in range(1000):
        wire.put(packet, to=to)
    answers = sum(named(packet) == "NA" for packet in wire.collect())
    report("answers to one who asks 1,000 times", 0 < answers <= 50 * (1 + time.monotonic() - since) + 1 or answers, True)


def advertised(source="fe80::99", destination=ALL_NODES, hops=255, code=0, mtu=None, prefix=None, lifetime=1800, hop_limit=0, cut=None, options=b""):
    if mtu is not None:
        options += struct.pack("!BBHI", 5, 1, 0, mtu)
    if prefix is not None:
        options += struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 3600, 3600, 0, packed(prefix))
    message = struct.pack("!BBHBBHII", 134, code, 0, hop_limit, 0, lifetime, 0, 0) + options
    return sent6(source, destination, summed(source, destination, ICMP6, message[:cut], 2), hops)


def offered():
    """MSS that the target offers, and the hop limit of its packets."""
    source = wire.stranger()
    wire.put(ip6(source, TARGET, TCP, tcp(source, TARGET, next(ports), OPEN, "SYN", options=b"\x02\x04\x05\xa0")))
    found = next(packet for packet in wire.collect() if packet.get("flags") == "SYN,ACK" and packet["destination"] == source)
    wire.reset(found)
    return [mss_of(found["options"]), found["hops"]]


def routers():
    """RFC 4861 sections 6.1.2 and 6.3.4."""
    plain, heard = [1440, 64], [1220, 40]
    good = {"mtu": 1280, "hop_limit": 40}
    report("before any router", offered(), plain)
    for case, about in (
        ("hop limit 254", {"hops": 254}),
        ("code 1", {"code": 1}),
        ("15 bytes", {"cut": 15}),
        ("source not link-local", {"source": "fd33::99"}),
        ("source ::", {"source": UNSPECIFIED}),
        ("option of length 0", {"options": b"\xfd\0" + bytes(6)}),
        ("option longer than the packet", {"cut": 20}),
    ):
        wire.put(advertised(**{**good, **about}), to=group_mac(ALL_NODES))
        report(f"router: {case}", offered(), plain)
    wire.put(spoiled(advertised(**good)), to=group_mac(ALL_NODES))
    report("router: wrong sum", offered(), plain)
    for mtu in (0, 68, 1000, 1279, 1501, 0xFFFFFFFF):
        time.sleep(0.12)
        wire.put(advertised(mtu=mtu), to=group_mac(ALL_NODES))
        report(f"router: MTU {mtu}", offered(), plain)
    for hop_limit in (1, 0):
        time.sleep(0.12)
        wire.put(advertised(hop_limit=hop_limit), to=group_mac(ALL_NODES))
        report(f"router: hop limit {hop_limit} to be used", offered(), plain)
    time.sleep(0.12)
    wire.put(advertised(**good), to=group_mac(ALL_NODES))
    report("router: MTU 1280", offered(), heard)
    time.sleep(0.12)
    wire.put(advertised(mtu=1500, hop_limit=64), to=group_mac(ALL_NODES))
    report("router: MTU 1500 again", offered(), plain)
    time.sleep(0.12)
    wire.put(advertised(lifetime=0), to=group_mac(ALL_NODES))
    report("router: no router any more", offered(), plain)
    talk = KernelTalk(TARGET, OPEN)
    going = []
    count = 5000 // SHARE
    for number in range(count):
        router = text(packed("fe80::") [:8] + random.randbytes(8))
        prefix = text(b"\xfd" + random.randbytes(7) + bytes(8))
        packet = advertised(source=router, prefix=prefix, mtu=random.choice((1000, 1500, 9000)), hop_limit=random.choice((0, 1, 64)))
        wire.put(packet, to=group_mac(ALL_NODES), of=b"\x02" + random.randbytes(5))
        if number % (count // 10) == 0:
            going.append(talk.goes_on())
    report("a client in a flood of routers", [*going, talk.goes_on()], [True] * 11)
    report("after them", offered(), plain)


def no_routers():
    """With --no-ra nothing of them counts."""
    for _ in range(3):
        wire.put(advertised(mtu=1280, hop_limit=40, prefix="fd44::"), to=group_mac(ALL_NODES))
    report("--no-ra", offered(), [1440, 64])


def query(source="fe80::99", hops=1, version=2, delay=1, group=UNSPECIFIED, alert=True, destination=ALL_NODES, cut=None):
    message = struct.pack("!BBHHH16s", 130, 0, 0, delay, 0, packed(group)) + (struct.pack("!BBH", 2, 125, 0) if version == 2 else b"")
    message = summed(source, destination, ICMP6, message[:cut], 2)
    if not alert:
        return ip6(source, destination, ICMP6, message, hops=hops)
    return ip6(source, destination, HOP, options_header(ICMP6, b"\x05\x02\0\0\x01\0") + message, hops=hops)


def listened(packet):
    """Who says in which report that it listens to what."""
    body, groups = packet["body"], []
    if body[0] == 131:
        groups = [text(body[8:24])]
    else:
        at = 8
        for _ in range(struct.unpack_from("!H", body, 6)[0]):
            groups.append(text(body[at + 4 : at + 20]))
            at += 20 + 16 * struct.unpack_from("!H", body, at + 2)[0]
    return groups


def reports_for(packet, seconds=0.2, group=None):
    """The reports within so many seconds; up to the one that has a group, where that is wanted, however late it comes."""
    wire.collect()
    wire.put(packet, to=group_mac(ALL_NODES))
    found, end = [], time.monotonic() + (seconds if group is None else PATIENCE_S)
    while (rest := end - time.monotonic()) > 0 and group not in sum(map(listened, found), []):
        heard = wire.next(rest)
        if heard is not None and named(heard).startswith("listener"):
            found.append(heard)
    return found


def listeners():
    """RFC 3810 sections 5 and 6, RFC 2710 for version 1."""
    ours = solicited_node(TARGET)
    found = reports_for(query(), group=ours)
    report("a query", sorted({(named(each), each["destination"], each["hops"]) for each in found}), [["listener reports", "ff02::16", 1]])
    report("the groups", [ours in group for group in [sum(map(listened, found), [])]], [True])
    alerts = [[each["headers"], each["frame"][54:62].hex(), each["source"][:4] in ("fe80", "::")] for each in found]
    report("router alert, a link-local source", alerts[:1], [[[HOP], options_header(ICMP6, b"\x05\x02\0\0\x01\0").hex(), True]])
    found = reports_for(query(group=ours), group=ours)
    report("a query for our group", ours in sum(map(listened, found), []), True)
    for case, about in (
        ("hop limit 64", {"hops": 64}),
        ("hop limit 255", {"hops": 255}),
        ("a global source", {"source": "fd33::99"}),
        ("source ::", {"source": UNSPECIFIED}),
        ("without router alert", {"alert": False}),
        ("23 bytes", {"cut": 23}),
        ("25 bytes", {"cut": 25}),
        ("a group that is not ours", {"group": "ff02::1:ff12:3456"}),
        ("all nodes, which nobody reports", {"group": ALL_NODES}),
    ):
        report(f"query: {case}", list(map(named, reports_for(query(**about)))), [])
    for number in range(2000):
        wire.put(query(), to=group_mac(ALL_NODES))
    # The second begins when all of them have been taken.
    count = sum(named(each) == "listener reports" for each in wire.collect())
    end = time.monotonic() + 1
    while (rest := end - time.monotonic()) > 0:
        count += (heard := wire.next(rest)) is not None and named(heard) == "listener reports"
    report("2,000 queries: a bound of reports", [0 < count <= 60, count][: 1 if 0 < count <= 60 else 2], [True])
    found = reports_for(query(version=1), group=ours)
    kinds = sorted({(named(each), listened(each)[0] == each["destination"], each["hops"]) for each in found})
    report("a query of version 1", kinds, [["listener report", True, 1]])
    report("its groups", [ours in sum(map(listened, found), [])], [True])


def repair():
    """RFC 4861 section 7.3: a stranger has taken a station's place, and answers no probe; the station, asked anew, has it back."""
    here, there = wire.mac.hex(":"), OTHER_MAC.hex(":")
    c = HandConnection()
    wire.put(wire.advertise(c.source, OTHER_MAC, solicited=False, to=ALL_NODES), to=group_mac(ALL_NODES), of=OTHER_MAC)
    report("taken by a stranger", c.where(), there)
    # What is said goes to the stranger, who acknowledges nothing.
    c.put_unheard(b"is anybody there?")
    end, places = time.monotonic() + 90, []
    while time.monotonic() < end and here not in places:
        packet = wire.next(5)
        if packet is not None and packet["destination"] == c.source and packet.get("data"):
            places.append(packet["to"].hex(":"))
    report("where it is sent again in the end", places[-1:], [here])
    c.end()


GROUPS = {
    "repair": repair,
    "echoes": echoes, "errors": errors, "solicitations": solicitations, "advertisements": advertisements, "floods": floods,
    "routers": routers, "no-routers": no_routers, "listeners": listeners,
}
GROUPS[GROUP]()
