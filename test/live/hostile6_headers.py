"""Extension headers and fragments that no well-behaved host sends, in one group a run.

    python3 hostile6_headers.py GROUP DEVICE TARGET_MAC TARGET_IPV6 TARGET_IPV4 OPEN_PORT CLOSED_PORT CHARGEN_PORT SHARE

One JSON line for each case: {"case": name, "replies": [...], "expected": [...]}, both in words; what is expected comes from the RFC that
the case names. A flood is 1/SHARE of what it is in full. Must not know: how the target is started.
"""

import itertools
import json
import struct
import sys

from hostile6_wire import (
    AH, ALL_NODES, DESTINATION, ESP, FRAGMENT, HOP, ICMP4, ICMP6, NONE, ROUTING, TCP, UDP, UNSPECIFIED, Wire, echo4, echo6, fragment_header,
    group_mac, icmp6, ip4, ip6, options_header, packed, routing_header, tcp, udp,
)

GROUP, DEVICE, MAC, TARGET, TARGET4 = sys.argv[1:6]
OPEN, CLOSED, _, SHARE = map(int, sys.argv[6:10])
SOURCE4 = TARGET4.rsplit(".", 1)[0] + ".77"
wire = Wire(DEVICE, MAC, TARGET, TARGET4, CLOSED)
ports = itertools.count(20000)
identifications = itertools.count(1000)
PAD = b"\x01\x04\0\0\0\0"


def report(case, replies, expected):
    print(json.dumps({"case": case, "replies": replies, "expected": expected}), flush=True)


def chain(source, headers, last, upper, destination=TARGET):
    """A packet of headers, each a function of the next header's number."""
    numbers = [kind for kind, _ in headers] + [last]
    body = upper
    for index in range(len(headers) - 1, -1, -1):
        body = headers[index][1](numbers[index + 1]) + body
    return ip6(source, destination, numbers[0], body)


def syn(source, destination=TARGET, port=OPEN, **fields):
    return tcp(source, destination, next(ports), port, "SYN", **fields)


HEADERS = {
    "hop": (HOP, lambda following: options_header(following)),
    "destination": (DESTINATION, lambda following: options_header(following)),
    "routing": (ROUTING, lambda following: routing_header(following)),
    "atomic": (FRAGMENT, lambda following: fragment_header(following, identification=next(identifications))),
}


def of(*names):
    return [HEADERS[name] for name in names]


def ask_syn(case, headers, expected, **about):
    source = wire.stranger()
    report(case, wire.ask(chain(source, headers, TCP, syn(source), **about)), expected)


def extension_headers():
    # RFC 8200 section 4.1: a host takes them in any order, but for hop-by-hop, which is first.
    for names in itertools.permutations(["destination", "routing", "atomic", "destination"]):
        ask_syn("a SYN behind " + ", ".join(names), of(*names), ["SYN,ACK"])
        ask_syn("a SYN behind hop, " + ", ".join(names), of("hop", *names), ["SYN,ACK"])
    # Section 4: a zero in any header but the IPv6 header's is an unrecognized next header.
    ask_syn("hop-by-hop second", of("destination", "hop"), ["problem 1 at 40"])
    ask_syn("hop-by-hop twice", of("hop", "hop"), ["problem 1 at 40"])
    ask_syn("hop-by-hop third", of("hop", "destination", "hop"), ["problem 1 at 48"])
    for protocol in (2, 3, 41, 47, 89, 132, 253, 254, 255):
        source = wire.stranger()
        report(f"next header {protocol}", wire.ask(ip6(source, TARGET, protocol, b"\0" * 40)), ["problem 1 at 6"])
        source = wire.stranger()
        packet = chain(source, of("hop", "destination"), protocol, b"\0" * 40)
        report(f"next header {protocol} behind two", wire.ask(packet), ["problem 1 at 48"])
    for name, protocol in (("ESP", ESP), ("AH", AH)):
        source = wire.stranger()
        body = bytes([TCP, 4]) + b"\0\0" + struct.pack("!II", 7, 1) + b"\0" * 12 + syn(source)
        report(f"{name}, of which nothing is known here", wire.ask(ip6(source, TARGET, protocol, body)), ["problem 1 at 6"])
    # Section 4.7, with bytes behind it and without.
    for body in (b"", b"\0" * 40):
        source = wire.stranger()
        report(f"no next header, {len(body)} bytes", wire.ask(ip6(source, TARGET, NONE, body)), [])
    unknown_options()
    routing_headers()
    long_chains()
    cut_chains()


def unknown_options():
    # Section 4.2: the two highest bits say what an unknown option asks for.
    for kind in ("hop", "destination"):
        number = HEADERS[kind][0]

        def header(options):
            return [(number, lambda following: options_header(following, options))]

        for bits, expected in ((0x1E, ["SYN,ACK"]), (0x5E, []), (0x9E, ["problem 2 at 42"]), (0xDE, ["problem 2 at 42"])):
            ask_syn(f"{kind}: an unknown option {bits:#x}", header(bytes([bits, 4]) + bytes(4)), expected)
        ask_syn(f"{kind}: unknown options behind a known one", header(b"\x01\0\x00\x9e\x01\0"), ["problem 2 at 45"])
        ask_syn(f"{kind}: router alert", header(b"\x05\x02\0\0\x01\0"), ["SYN,ACK"])
        ask_syn(f"{kind}: six of Pad1", header(bytes(6)), ["SYN,ACK"])
        ask_syn(f"{kind}: 2,048 bytes of Pad1 and PadN", header(b"\x01\xff" + bytes(255) + bytes(789)), ["SYN,ACK"])
        ask_syn(f"{kind}: an option longer than its header", header(b"\x1e\x05\0\0\0\0"), [])
        ask_syn(f"{kind}: an option without a length", header(b"\x01\x03\0\0\0\x1e"), [])
        # To a group only the option that asks for it gets an answer; nor does anybody get one who is no single host.
        for bits, expected in ((0x9E, ["problem 2 at 42"]), (0xDE, [])):
            source = wire.stranger()
            packet = chain(source, header(bytes([bits, 4]) + bytes(4)), ICMP6, echo6(source, ALL_NODES), destination=ALL_NODES)
            report(f"{kind}: an unknown option {bits:#x} to all nodes", wire.ask(packet, to=group_mac(ALL_NODES)), expected)
        for source in (UNSPECIFIED, "ff02::1", "::1", TARGET):
            packet = chain(source, header(b"\x9e\x04" + bytes(4)), TCP, syn(source))
            report(f"{kind}: an unknown option from {source}", wire.ask(packet), [])
    # RFC 2675 section 3: whoever knows no jumbograms answers as for any unknown option.
    ask_syn("jumbo payload", [(HOP, lambda following: options_header(following, b"\xc2\x04\0\x01\0\0"))], ["problem 2 at 42"])


def routing_headers():
    # RFC 8200 section 4.4, RFC 5095 for type 0.
    for kind in (0, 2, 4, 250):
        header = [(ROUTING, lambda following: routing_header(following, kind, 0))]
        ask_syn(f"routing type {kind}, no segments left", header, ["SYN,ACK"])
        header = [(ROUTING, lambda following: routing_header(following, kind, 1))]
        ask_syn(f"routing type {kind}, a segment left", header, ["problem 0 at 42"])
        ask_syn(f"routing type {kind}, a segment left, behind others", of("hop", "destination") + header, ["problem 0 at 58"])


def long_chains():
    """A hundred headers, and more than a thousand: a bound, whichever, and no harm (RFC 8504 section 5.3)."""
    for count in (100, 170):
        source = wire.stranger()
        replies = wire.ask(chain(source, of(*["destination"] * count), TCP, syn(source)))
        report(f"{count} headers", [reply for reply in replies if reply.startswith("problem")], replies)


def cut_chains():
    names = ("hop", "destination", "routing", "atomic", "destination")
    source = wire.stranger()
    whole = chain(source, of(*names), TCP, syn(source))
    answered = []
    for length in range(40, len(whole)):
        for said in (length - 40, len(whole) - 40):
            source = wire.stranger()
            cut = bytearray(chain(source, of(*names), TCP, syn(source))[:length])
            cut[4:6] = struct.pack("!H", said)
            answered += [f"{length}, {said}: {reply}" for reply in wire.ask(bytes(cut)) if reply not in ("problem 0 at 4", "problem 3 at 80")]
    report("a chain cut at every length", answered, [])
    short = [reply for length in range(40) for reply in wire.ask(whole[:length].ljust(1, b"\x60"))]
    report("an IPv6 header cut at every length", short, [])


def pieces(source, whole, cuts, last, destination=TARGET, identification=None):
    """A payload in fragments that begin at the cuts."""
    number = next(identifications) if identification is None else identification
    ends = list(cuts[1:]) + [len(whole)]
    return [
        ip6(source, destination, FRAGMENT, fragment_header(last, start, end < len(whole), number) + whole[start:end])
        for start, end in zip(cuts, ends)
    ]


def raw_piece(source, offset, more, data, identification, last=ICMP6):
    return ip6(source, TARGET, FRAGMENT, fragment_header(last, offset, more, identification) + data)


def fragments():
    source = wire.stranger()
    for order in itertools.permutations(range(3)):
        parts = pieces(source, echo6(source, TARGET, b"abcdefgh" * 9), (0, 24, 48), ICMP6)
        report(f"three fragments in the order {order}", wire.ask(*[parts[index] for index in order]), ["echo"])
    parts = pieces(source, echo6(source, TARGET, b"abcdefgh" * 9), (0, 24, 48), ICMP6)
    # RFC 8200 section 4.5 lets exact duplicates be dropped.
    report("each fragment twice", wire.ask(*[part for part in parts for _ in range(2)][:-1]), ["echo"])
    whole = echo6(source, TARGET, b"abcdefgh" * 9)
    for name, start, end in (("the beginning", 16, 32), ("the end", 32, 56), ("within", 24, 40), ("all of it", 8, 72)):
        number = next(identifications)
        parts = pieces(source, whole, (0, 24, 48), ICMP6, identification=number)
        odd = raw_piece(source, start, True, b"x" * (end - start), number)
        # RFC 5722 section 4: all of the datagram goes, what comes later too.
        report(f"an overlap of {name}", wire.ask(parts[0], parts[1], odd, parts[2]), [])
        report(f"an overlap of {name}, and what was missing again", wire.ask(parts[2], parts[1]), [])
    report("fragments after the overlaps", wire.ask(*pieces(source, whole, (0, 24, 48), ICMP6)), ["echo"])
    atomic_fragments()
    faulty_fragments()
    hidden_headers()


def atomic_fragments():
    """RFC 6946: a packet of its own, whatever else of its identification waits."""
    source = wire.stranger()
    whole = echo6(source, TARGET, b"abcdefgh" * 9)
    number = next(identifications)
    parts = pieces(source, whole, (0, 24), ICMP6, identification=number)
    report("an atomic fragment between two", wire.ask(parts[0], raw_piece(source, 0, False, whole, number), parts[1]), ["echo", "echo"])
    report("atomic fragments of one identification", wire.ask(*[raw_piece(source, 0, False, whole, number)] * 3), ["echo"] * 3)
    ask_syn("a SYN in an atomic fragment", of("atomic"), ["SYN,ACK"])


def faulty_fragments():
    number = next(identifications)
    source = wire.stranger()
    # RFC 8200 section 4.5: a length that is no multiple of eight, and an end beyond 65,535.
    odd = raw_piece(source, 0, True, echo6(source, TARGET)[:15], number)
    report("a fragment of 15 bytes that is not the last", wire.ask(odd), ["problem 0 at 4"])
    source = wire.stranger()
    report("a fragment beyond 65,535", wire.ask(raw_piece(source, 65528, False, b"x" * 16, number, last=UDP)), ["problem 0 at 42"])
    source = wire.stranger()
    for offset, data, expected in ((65528, b"x" * 16, "problem 0 at 50"), (0, b"x" * 15, "problem 0 at 4")):
        source = wire.stranger()
        header = options_header(FRAGMENT) + fragment_header(UDP, offset, True, next(identifications))
        report(f"such a fragment at {offset} behind another header", wire.ask(ip6(source, TARGET, DESTINATION, header + data)), [expected])
    source = wire.stranger()
    for name, offset, more in (("first", 0, True), ("middle", 16, True), ("last", 16, False)):
        report(f"an empty {name} fragment", wire.ask(raw_piece(source, offset, more, b"", next(identifications))), [])
    whole = echo6(source, TARGET, b"abcdefgh" * 9)
    number = next(identifications)
    parts = pieces(source, whole, (0, 24), ICMP6, identification=number)
    other = raw_piece(source, 24, False, whole[24:], number, last=TCP)
    report("a later fragment with another next header", wire.ask(parts[0], other), ["echo"])
    number = next(identifications)
    parts = pieces(source, whole, (0, 24), ICMP6, identification=number)
    far = raw_piece(source, 200, False, b"x" * 8, number)
    report("two ends that do not agree", wire.ask(far, *parts), [])
    source, other = wire.stranger(), wire.stranger()
    parts, theirs = (pieces(who, whole, (0, 24), ICMP6, identification=9) for who in (source, other))
    report("halves of two senders", wire.ask(parts[0], theirs[1]), [])


def hidden_headers():
    """RFC 7112: the first fragment has all headers, up to the upper layer's."""
    source = wire.stranger()
    number = next(identifications)
    segment = syn(source, options=b"\x02\x04\x05\xa0" * 4)
    report("a first fragment with eight bytes of TCP", wire.ask(*pieces(source, segment, (0, 8), TCP)), ["problem 3 at 0"])
    body = options_header(DESTINATION, b"\x01\x14" + bytes(20)) + options_header(TCP) + segment
    source = wire.stranger()
    report("a first fragment within a header", wire.ask(*pieces(source, body, (0, 16), DESTINATION)), ["problem 3 at 0"])
    report("a first fragment that ends at a header", wire.ask(*pieces(wire.stranger(), body, (0, 24), DESTINATION)), ["problem 3 at 0"])
    source = wire.stranger()
    body = options_header(TCP) + syn(source, options=b"\x02\x04\x05\xa0" + b"\x01" * 8, data=b"with the SYN")
    report("a SYN whose headers are all in the first", wire.ask(*pieces(source, body, (0, 40), DESTINATION)), ["SYN,ACK"])
    source = wire.stranger()
    report("UDP in fragments", wire.ask(*pieces(source, udp(source, TARGET, CLOSED, b"x" * 64), (0, 24), UDP)), ["error 1/4"])
    source = wire.stranger()
    # RFC 6980 section 5: neighbour discovery in fragments is dropped, atomic ones too.
    solicitation = icmp6(source, TARGET, 135, 0, bytes(4) + packed(TARGET) + b"\x01\x01" + wire.mac)
    parts = pieces(source, solicitation, (0, 24), ICMP6) + pieces(source, solicitation, (0,), ICMP6)
    parts = [part[:7] + b"\xff" + part[8:] for part in parts]
    report("a neighbour solicitation in fragments", wire.ask(*parts), [])


def piece4(offset, more, data, identification, protocol=ICMP4, source=SOURCE4):
    return ip4(source, TARGET4, protocol, data, flags=int(more), offset=offset // 8, identification=identification)


def fragments4():
    """RFC 791, RFC 1858, RFC 3128."""
    whole = echo4(b"abcdefgh" * 9)

    def cut(*starts, number=None):
        number = next(identifications) if number is None else number
        ends = list(starts[1:]) + [len(whole)]
        return [piece4(start, end < len(whole), whole[start:end], number) for start, end in zip(starts, ends)]

    for order in itertools.permutations(range(3)):
        parts = cut(0, 24, 48)
        report(f"IPv4: three fragments in the order {order}", wire.ask(*[parts[index] for index in order]), ["echo"])
    parts = cut(0, 24, 48)
    report("IPv4: each fragment twice", wire.ask(*[part for part in parts for _ in range(2)][:-1]), ["echo"])
    for name, start, end in (("the beginning", 16, 32), ("the end", 32, 56), ("within", 24, 40), ("all of it", 8, 72)):
        number = next(identifications)
        parts = cut(0, 24, 48, number=number)
        odd = piece4(start, True, b"x" * (end - start), number)
        report(f"IPv4: an overlap of {name}", wire.ask(parts[0], parts[1], odd, parts[2]), [])
    report("IPv4: fragments after the overlaps", wire.ask(*cut(0, 24, 48)), ["echo"])
    number = next(identifications)
    report("IPv4: beyond 65,535 (the ping of death)", wire.ask(piece4(65528, False, b"x" * 100, number), piece4(0, True, whole[:24], number)), [])
    segment = tcp(SOURCE4, TARGET4, next(ports), OPEN, "SYN", options=b"\x02\x04\x05\xa0" * 4)
    number = next(identifications)
    tiny = [piece4(0, True, segment[:8], number, TCP), piece4(8, False, segment[8:], number, TCP)]
    report("IPv4: a tiny first fragment of TCP (RFC 1858 section 3)", wire.ask(*tiny), [])
    number = next(identifications)
    hidden = [piece4(0, True, segment[:24], number, TCP), piece4(24, False, segment[24:], number, TCP)]
    report("IPv4: a SYN in two fragments, whose flags are in the first", wire.ask(*hidden), ["SYN,ACK"])
    number = next(identifications)
    indirect = [piece4(0, True, segment[:24], number, TCP), piece4(8, False, segment[8:], number, TCP)]
    report("IPv4: the flags over again (RFC 1858 section 4)", wire.ask(*indirect), [])
    number = next(identifications)
    odd = [piece4(0, True, whole[:15], number), piece4(16, False, whole[16:], number)]
    report("IPv4: a fragment of 15 bytes that is not the last", wire.ask(*odd), [])
    cuts = ((whole[:24], {"flags": 3}), (whole[24:], {"flags": 2, "offset": 3}))
    both = [ip4(SOURCE4, TARGET4, ICMP4, part, identification=5, **fields) for part, fields in cuts]
    report("IPv4: fragments with DF", wire.ask(*both), ["echo"])


def incomplete():
    """Ten thousand datagrams of each kind, in full, that never complete: the memory for them has a bound, and nobody is told."""
    for sources, name in ((1, "one source"), (1000, "a thousand sources")):
        many = [wire.stranger() for _ in range(sources)]
        for number in range(10_000 // SHARE):
            source = many[number % sources]
            wire.put(raw_piece(source, 0 if number % 2 else 1400, True, b"x" * 1400, 0x10000 + number))
            if number % 200 == 0:
                wire.collect(rounds=1)
        report(f"thousands from {name}", [named_ for named_ in wire.ask() if named_ != "echo"], [])
    for number in range(10_000 // SHARE):
        source = f"10.33.0.{10 + number % 200}"
        wire.put(piece4(0, True, b"x" * 1400, number, source=source))
        if number % 200 == 0:
            wire.collect(rounds=1)
    report("IPv4: thousands", wire.ask(), [])


def unfinished():
    """RFC 8200 section 4.5: sixty seconds later whoever sent the first fragment is told, and only they."""
    first, later = wire.stranger(), wire.stranger()
    wire.stations[SOURCE4] = wire.mac
    wire.put(raw_piece(first, 0, True, echo6(first, TARGET, b"x" * 64)[:64], 1))
    wire.put(raw_piece(later, 64, True, b"x" * 64, 1))
    wire.put(piece4(0, True, echo4(b"x" * 64)[:64], 7))
    told = []
    while packet := wire.next(65):
        if packet["protocol"] in (ICMP6, ICMP4) and packet["body"][0] in (3, 11):
            told.append([packet["destination"], packet["body"][0], packet["body"][1]])
        if len(told) == 2:
            break
    told += [[packet["destination"], packet["body"][0]] for packet in iter(lambda: wire.next(3), None) if packet["body"][0] == 3]
    report("who is told after sixty seconds", sorted(told), sorted([[first, 3, 1], [SOURCE4, 11, 1]]))


GROUPS = {
    "headers": extension_headers, "fragments": fragments, "fragments4": fragments4, "incomplete": incomplete, "unfinished": unfinished,
}
GROUPS[GROUP]()
