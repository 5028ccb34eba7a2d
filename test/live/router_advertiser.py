"""A router that advertises itself (RFC 4861 §6.2), for kernels that have no radvd.

    python3 router_advertiser.py DEVICE PREFIX MTU LIFETIME

Sends an advertisement of PREFIX (on-link, /64, not for addresses of one's own), MTU and the router's LIFETIME in seconds at once,
every second, and whenever somebody solicits one. Says "ready", and runs until it is killed. MTU 0: no such option.
"""

import select
import socket
import struct
import sys
import time

SOLICITATION, ADVERTISEMENT = 133, 134
SOURCE_LINK_LAYER, PREFIX_INFORMATION, MTU_OPTION = 1, 3, 5
ON_LINK = 0x80
VALID_S = 3600
ALL_NODES = "ff02::1"
ALL_ROUTERS = "ff02::2"
ICMP6_FILTER = 1

device, prefix, mtu, lifetime = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
index = socket.if_nametoindex(device)
with open(f"/sys/class/net/{device}/address") as file:
    mac = bytes.fromhex(file.read().strip().replace(":", ""))

options = struct.pack("!BB6s", SOURCE_LINK_LAYER, 1, mac)
options += struct.pack("!BBBBIII16s", PREFIX_INFORMATION, 4, 64, ON_LINK, VALID_S, VALID_S, 0, socket.inet_pton(socket.AF_INET6, prefix))
if mtu:
    options += struct.pack("!BBHI", MTU_OPTION, 1, 0, mtu)
# The kernel fills the checksum in. Hop limit 64, no flags, reachable and retransmission times unspecified.
message = struct.pack("!BBHBBHII", ADVERTISEMENT, 0, 0, 64, 0, lifetime, 0, 0) + options

wire = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
membership = socket.inet_pton(socket.AF_INET6, ALL_ROUTERS) + struct.pack("@I", index)
wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)


def advertise():
    try:
        wire.sendto(message, (ALL_NODES, 0, 0, index))
    except OSError as error:
        # The link-local address from which it goes out is not ready yet.
        print(error, file=sys.stderr)


print("ready", flush=True)
due = time.monotonic()
while True:
    if time.monotonic() >= due:
        advertise()
        due = time.monotonic() + 1
    if select.select([wire], [], [], max(0, due - time.monotonic()))[0]:
        if wire.recvfrom(2048)[0][0] == SOLICITATION:
            advertise()
