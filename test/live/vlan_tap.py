"""A device in a VLAN, for kernels that have none: a tap whose frames go over DEVICE with TAGS, and those with TAGS to it.

    python3 vlan_tap.py DEVICE NAME TAGS

TAGS are the tags as they stand in a frame, in hex: 81000005 is VLAN 5, 88a8000781000005 the same within a provider's
VLAN 7. Prints "ready" when the tap is up, and runs until it is killed.
"""

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys

SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
ETH_P_ALL = 3
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
STATUS_VLAN_VALID = 1 << 4
ADDRESSES = 12
ID_MASK = 0x0FFF

device, name, tags = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])


def ids(raw):
    """Type and id of each tag: its priority does not say where a frame belongs."""
    return [(kind, control & ID_MASK) for kind, control in struct.iter_unpack("!HH", raw)]


def whole(packet):
    """The frame with the tag that the kernel has taken off."""
    frame, ancillary, _, _ = packet
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, control, tag_type = struct.unpack("IIIHHHH", data[:20])
            if status & STATUS_VLAN_VALID:
                frame = frame[:ADDRESSES] + struct.pack("!HH", tag_type, control) + frame[ADDRESSES:]
    return frame


tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
wire.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
wire.bind((device, 0))
subprocess.run(["ip", "link", "set", device, "promisc", "on"], check=True)
subprocess.run(["ip", "link", "set", name, "up"], check=True)
print("ready", flush=True)
end = ADDRESSES + len(tags)
while True:
    for readable in select.select([tap, wire], [], [])[0]:
        if readable is wire:
            frame = whole(wire.recvmsg(65600, 256))
            if len(frame) > end and ids(frame[ADDRESSES:end]) == ids(tags):
                os.write(tap, frame[:ADDRESSES] + frame[end:])
        else:
            frame = os.read(tap, 65600)
            wire.send(frame[:ADDRESSES] + tags + frame[ADDRESSES:])
