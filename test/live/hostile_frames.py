"""Frames that no well-behaved host sends, made by hand with scapy, and what comes back for each.

    python3 hostile_frames.py DEVICE TARGET_MAC TARGET_IP OPEN_PORT CLOSED_PORT

One JSON line for each case: {"case": name, "replies": [...]}. A reply is [flags, sequence number, acknowledgment, data],
the numbers relative to what the two ends began with. The source address belongs to no kernel, so nobody interferes.

What comes back is complete when two pings have been answered, one after the other: the target takes frames in order.
"""
import json
import socket
import sys
import time

from scapy.layers.inet import ICMP, IP, TCP, IPOption_NOP, fragment, in4_chksum
from scapy.layers.l2 import Ether
from scapy.packet import Raw

DEVICE, MAC, TARGET = sys.argv[1:4]
OPEN, CLOSED = map(int, sys.argv[4:6])
SOURCE = TARGET.rsplit(".", 1)[0] + ".77"
BROADCAST_IP = TARGET.rsplit(".", 1)[0] + ".255"
BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"
ISN = 1000
# An acknowledgment number of nothing that was ever sent, for segments without a connection.
NOTHING = 5000
# A connection answers what is not acceptable and carries nothing once in half a second (RFC 5961 section 7).
ANSWER_INTERVAL_S = 0.6
# Only what does not answer at all takes so long.
PATIENCE_S = 60
NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]
ORDER = ["SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
wire.bind((DEVICE, 0))
OUR_MAC = wire.getsockname()[4]
next_port = 20000
pings = 0


def names(flags):
    bits = int(flags)
    present = {name for index, name in enumerate(NAMES) if bits >> index & 1}
    return ",".join(name for name in ORDER if name in present)


def put(packet, destination_mac=None):
    wire.send(bytes(Ether(src=OUR_MAC, dst=destination_mac or MAC, type=0x0800) / packet))


def collect(wanted):
    """TCP packets of the target that came up to now."""
    global pings
    found = []
    for _ in range(2):
        pings += 1
        put(IP(src=SOURCE, dst=TARGET) / ICMP(id=1, seq=pings))
        wire.settimeout(PATIENCE_S)
        while True:
            packet = Ether(wire.recv(65536))
            if IP not in packet or packet[IP].src != TARGET:
                continue
            if ICMP in packet and packet[ICMP].type == 0 and packet[ICMP].seq == pings:
                break
            if TCP in packet and wanted(packet[TCP]):
                found.append(packet[IP])
    return found


def data_of(packet):
    length = packet.len - packet.ihl * 4 - packet[TCP].dataofs * 4
    return bytes(packet[TCP].payload)[:length].decode("latin-1")


def report(case, replies):
    print(json.dumps({"case": case, "replies": replies}), flush=True)


class Connection:
    """A connection by hand; `send` gives the replies, relative to both initial sequence numbers."""

    def __init__(self, **syn):
        global next_port
        next_port += 1
        self.port = next_port
        self.iss = None
        self.seen = 0
        put(self.packet(-1, "S", **syn))
        self.iss = collect(self.is_ours)[0][TCP].seq
        put(self.packet(0, "A"))

    def is_ours(self, tcp):
        return tcp.dport == self.port

    def packet(self, offset, flags, data="", ahead=0, ip=None, **fields):
        """A segment `offset` bytes after the first byte of our stream; acknowledges what was seen, and `ahead` more."""
        number = 0 if self.iss is None else self.iss + 1 + self.seen + ahead
        tcp = TCP(sport=self.port, dport=OPEN, flags=flags, window=65535, seq=ISN + 1 + offset, **fields)
        tcp.ack = number & 0xFFFFFFFF if "A" in flags else 0
        return IP(src=SOURCE, dst=TARGET, **(ip or {})) / tcp / Raw(data.encode("latin-1"))

    def relative(self, packet):
        tcp = packet[TCP]
        ack = (tcp.ack - ISN - 1) & 0xFFFFFFFF if "A" in tcp.flags else None
        return [names(tcp.flags), (tcp.seq - self.iss - 1) & 0xFFFFFFFF, ack, data_of(packet)]

    def new_ones(self, replies):
        """Without what the target sends again, because we were held up and have not acknowledged it in time."""
        new, end = [], self.seen
        for reply in replies:
            flags, seq, _, data = reply
            if seq == 0xFFFFFFFF and "SYN" in flags or data and seq + len(data) <= end:
                continue
            end = max(end, seq + len(data)) if data else end
            new.append(reply)
        return new

    def send(self, *packets):
        """What comes back, and what an acknowledgment of that lets come."""
        for packet in packets:
            put(packet)
        replies = []
        while found := self.new_ones([self.relative(packet) for packet in collect(self.is_ours)]):
            replies += found
            seen = max([self.seen] + [seq + len(data) for _, seq, _, data in found if data])
            if seen == self.seen:
                break
            self.seen = seen
            put(self.packet(found[-1][2], "A"))
        return replies

    def end(self, offset):
        put(self.packet(offset, "R"))


def with_options(connection, options, data):
    """A segment with these bytes as options, and right sums over them whatever they mean."""
    plain = connection.packet(0, "PA", data)
    header = bytearray(bytes(plain[TCP])[:20])
    header[12] = (5 + len(options) // 4) << 4
    header[16:18] = b"\0\0"
    segment = bytes(header) + options + data.encode("latin-1")
    ip = IP(src=SOURCE, dst=TARGET, proto=6)
    total = in4_chksum(6, ip / Raw(segment), segment)
    return ip / Raw(segment[:16] + total.to_bytes(2, "big") + segment[18:])


def spoil(packet, layer):
    """The packet with everything as it should be but for the sum of one layer."""
    built = IP(bytes(packet))
    built[layer].chksum ^= 0x1111
    return built


def flag_bytes():
    """Every flag byte, to a port where somebody listens and to one where nobody does."""
    for name, port in (("listen", OPEN), ("closed", CLOSED)):
        for flags in range(256):
            tcp = TCP(sport=30000 + flags, dport=port, flags=flags, seq=ISN, ack=NOTHING)
            put(IP(src=SOURCE, dst=TARGET) / tcp)
        # A listener that has not heard the RST yet says its SYN,ACK again, while the other port is asked.
        heard = collect(lambda tcp: tcp.sport == port and 30000 <= tcp.dport < 30256)
        replies = {}
        for packet in heard:
            tcp = packet[TCP]
            reply = [names(tcp.flags), tcp.seq, tcp.ack]
            of_port = replies.setdefault(tcp.dport - 30000, [])
            # A SYN-ACK that comes again after a second is no second answer.
            if reply not in of_port:
                of_port.append(reply)
            if tcp.flags.S:
                put(IP(src=SOURCE, dst=TARGET) / TCP(sport=tcp.dport, dport=port, flags="R", seq=ISN + 1))
        for flags in range(256):
            report(f"{name} {names(flags)}", replies.get(flags, []))


def accurate_ecn():
    """A SYN with AE, CWR and ECE: to a server of RFC 3168 the first of them is a reserved bit."""
    put(IP(src=SOURCE, dst=TARGET) / TCP(sport=31000, dport=OPEN, flags="SECN", seq=ISN))
    replies = [reply[TCP] for reply in collect(lambda tcp: tcp.dport == 31000)]
    told = []
    for tcp in replies:
        reply = [names(tcp.flags), int(tcp.flags) >> 8, tcp.reserved]
        if reply not in told:
            told.append(reply)
    report("SYN that asks for Accurate ECN", told)
    put(IP(src=SOURCE, dst=TARGET) / TCP(sport=31000, dport=OPEN, flags="R", seq=ISN + 1))


def silent_ones():
    """What must not be answered at all, by anybody."""
    syn = TCP(sport=40000, dport=OPEN, flags="S", seq=ISN)
    everything = lambda tcp: True
    cases = [
        ("LAND", IP(src=TARGET, dst=TARGET) / TCP(sport=OPEN, dport=OPEN, flags="S", seq=ISN), MAC),
        ("SYN to the subnet's broadcast address", IP(src=SOURCE, dst=BROADCAST_IP) / syn, BROADCAST_MAC),
        ("SYN to 255.255.255.255", IP(src=SOURCE, dst="255.255.255.255") / syn, BROADCAST_MAC),
        ("SYN to a multicast group", IP(src=SOURCE, dst="224.0.0.1") / syn, "01:00:5e:00:00:01"),
        ("SYN in a broadcast frame", IP(src=SOURCE, dst=TARGET) / syn, BROADCAST_MAC),
        ("SYN of another MAC", IP(src=SOURCE, dst=TARGET) / syn, "02:00:00:00:00:99"),
        ("data offset 4", IP(src=SOURCE, dst=TARGET) / TCP(sport=40001, dport=OPEN, flags="S", dataofs=4), MAC),
        ("data offset past the end", IP(src=SOURCE, dst=TARGET) / TCP(sport=40002, dport=OPEN, flags="S", dataofs=15), MAC),
        ("IP total length past the end", IP(src=SOURCE, dst=TARGET, len=400) / syn, MAC),
        ("IP total length within the header", IP(src=SOURCE, dst=TARGET, len=12) / syn, MAC),
        ("IP header length 4", IP(src=SOURCE, dst=TARGET, ihl=4) / syn, MAC),
        ("half a TCP header", IP(src=SOURCE, dst=TARGET, proto=6) / Raw(bytes(syn)[:10]), MAC),
        ("no TCP header", IP(src=SOURCE, dst=TARGET, proto=6), MAC),
        ("an IP header alone in a frame", IP(src=SOURCE, dst=TARGET, proto=6, len=60), MAC),
        ("wrong TCP checksum", IP(src=SOURCE, dst=TARGET) / TCP(sport=40003, dport=OPEN, flags="S", chksum=0x1234), MAC),
        ("wrong IP checksum", IP(src=SOURCE, dst=TARGET, chksum=0x1234) / syn, MAC),
        ("the first fragment of a SYN", IP(src=SOURCE, dst=TARGET, flags="MF") / syn, MAC),
        ("a later fragment", IP(src=SOURCE, dst=TARGET, frag=3) / Raw(bytes(syn)), MAC),
    ]
    for source in ("127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", BROADCAST_IP):
        cases.append((f"SYN from {source}", IP(src=source, dst=TARGET) / syn, MAC))
    for case, packet, mac in cases:
        put(packet, mac)
        report(case, [names(reply[TCP].flags) for reply in collect(everything)])


def on_a_connection():
    """Segments that an established connection gets besides its own."""
    c = Connection()
    far = 0x7000000
    report("overlapping data", c.send(c.packet(0, "A", "abcd"), c.packet(2, "A", "cdefgh")))
    report("old data", c.send(c.packet(0, "A", "abcd")))
    report("data behind a gap", c.send(c.packet(12, "A", "mnop")))
    report("the gap filled, and more than it", c.send(c.packet(8, "A", "ijklmn")))
    report("data right of the window", c.send(c.packet(far, "A", "x")))
    time.sleep(ANSWER_INTERVAL_S)
    report("an acknowledgment of what was never sent", c.send(c.packet(16, "A", ahead=1000)))
    report("data without ACK", c.send(c.packet(16, "P", "x")))
    report("a keep-alive probe", c.send(c.packet(15, "A")))
    report("RST left of the window", c.send(c.packet(-1, "R")))
    report("RST right of the window", c.send(c.packet(far, "R")))
    time.sleep(ANSWER_INTERVAL_S)
    report("RST in the window, and again at once", c.send(c.packet(116, "R"), c.packet(116, "R")))
    time.sleep(ANSWER_INTERVAL_S)
    report("SYN in the window", c.send(c.packet(116, "S")))
    time.sleep(ANSWER_INTERVAL_S)
    report("SYN at the left edge", c.send(c.packet(16, "S")))
    time.sleep(ANSWER_INTERVAL_S)
    report("SYN,ACK at the left edge", c.send(c.packet(16, "SA")))
    report("FIN right of the window", c.send(c.packet(far, "FA")))
    report("data with a wrong TCP checksum", c.send(spoil(c.packet(16, "PA", "bad"), TCP)))
    report("data with a wrong IP checksum", c.send(spoil(c.packet(16, "PA", "bad"), IP)))
    report("a part of data", c.send(*fragment(c.packet(16, "PA", "x" * 1000), fragsize=600)[:1]))
    # Quotes that anybody can make up: the sequence number is not in flight (RFC 5927).
    quote = IP(src=TARGET, dst=SOURCE) / TCP(sport=OPEN, dport=c.port, seq=0)
    for code, mtu in ((2, 0), (3, 0), (4, 0), (4, 1), (4, 68)):
        put(IP(src=SOURCE, dst=TARGET) / ICMP(type=3, code=code, nexthopmtu=mtu) / quote)
    put(IP(src=SOURCE, dst=TARGET) / ICMP(type=3, code=4) / Raw(b"\x45"))
    report("data after all that", c.send(c.packet(16, "PA", "right")))
    report("RST at the left edge", c.send(c.packet(21, "R")))
    report("data after the RST", c.send(c.packet(21, "PA", "x")))


def odd_fields():
    """Fields and options that mean nothing, or nothing good: the connection goes on."""
    for case, options in (
        ("of length 0", b"\x08\x00\x01\x01"),
        ("of length 1", b"\x08\x01\x01\x01"),
        ("longer than the header", b"\x08\x0a\x01\x01"),
        ("SACK of length 3", b"\x05\x03\x00\x01"),
        ("SACK of what was never sent", b"\x01\x01\x05\x0a\xff\xff\xff\xff\x00\x00\x00\x00"),
        ("of an unknown kind", b"\xfd\x04\xab\xcd"),
    ):
        c = Connection()
        c.send(with_options(c, options, "data"))
        report(f"after an option {case}", c.send(c.packet(0, "PA", "data"))[-1:])
        c.end(4)
    c = Connection()
    report("urgent pointer past the data", c.send(c.packet(0, "PAU", "urg", urgptr=0xFFFF)))
    report("urgent pointer 0", c.send(c.packet(3, "PAU", "ent", urgptr=0)))
    report("reserved bits", c.send(c.packet(6, "PA", "res", reserved=7)))
    report("IP options", c.send(c.packet(9, "PA", "opt", ip={"options": [IPOption_NOP()] * 4})))
    report("every flag at the left edge", c.send(c.packet(12, "SFRPAU")))
    report("data after every flag", c.send(c.packet(12, "PA", "x")))
    c = Connection(options=[("MSS", 0), ("WScale", 200)])
    report("after MSS 0 and a scale of 200", c.send(c.packet(0, "PA", "tiny")))
    c.end(4)


flag_bytes()
accurate_ecn()
silent_ones()
on_a_connection()
odd_fields()
