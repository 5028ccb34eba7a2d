"""A client or a server over the kernel's own TCP, for either address family; one line of JSON when it is done.

    python3 family_peer.py echo HOST PORT BYTES      sends so many, ends its direction, reads to the end
    python3 family_peer.py download HOST PORT BYTES  reads at least so many, and closes
    python3 family_peer.py hold HOST PORT            says "connected", stays until stdin ends, and closes
    python3 family_peer.py serve PORT                echoes, connection after connection; says "listening"

HOST is an address as getaddrinfo(3) takes it: fe80::3%veth-client has its zone.
"""

import hashlib
import json
import os
import socket
import struct
import sys
import threading

BLOCK = 65536
TIMEOUT_S = 60
SEND_MSS = 16  # tcpi_snd_mss in struct tcp_info of linux/tcp.h


def connect(host, port):
    return socket.create_connection((host, int(port)), TIMEOUT_S)


def send_mss(peer):
    return struct.unpack_from("I", peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 24), SEND_MSS)[0]


def echo(host, port, count):
    peer, sent, received, total = connect(host, port), hashlib.sha256(), hashlib.sha256(), 0

    def send():
        left = int(count)
        while left > 0:
            block = os.urandom(min(BLOCK, left))
            sent.update(block)
            peer.sendall(block)
            left -= len(block)
        peer.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    while data := peer.recv(BLOCK):
        received.update(data)
        total += len(data)
    sender.join()
    answer = {"sent": sent.hexdigest(), "received": received.hexdigest(), "bytes": total, "sendMss": send_mss(peer)}
    print(json.dumps(answer))


def download(host, port, count):
    peer, total = connect(host, port), 0
    while total < int(count):
        data = peer.recv(BLOCK)
        if not data:
            break
        total += len(data)
    print(json.dumps({"bytes": total, "sendMss": send_mss(peer)}))


def hold(host, port):
    peer = connect(host, port)
    print("connected", flush=True)
    sys.stdin.read()
    peer.close()


def serve(port):
    if socket.has_dualstack_ipv6():
        server = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        server = socket.create_server(("0.0.0.0", int(port)))
    print("listening", flush=True)
    while True:
        peer, _ = server.accept()
        while data := peer.recv(BLOCK):
            peer.sendall(data)
        peer.close()


{"echo": echo, "download": download, "hold": hold, "serve": serve}[sys.argv[1]](*sys.argv[2:])
