"""Measures round trips of one connection until stdin ends: `round_trips.py HOST PORT`.

Prints `connected`, and at the end one JSON object: how many there were, the median and the longest, milliseconds.
"""

import json
import select
import socket
import sys
import time

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print("connected", flush=True)
trips = []
while not select.select([sys.stdin], [], [], 0)[0]:
    began = time.monotonic()
    connection.sendall(b"x" * 64)
    left = 64
    while left > 0:
        left -= len(connection.recv(left))
    trips.append((time.monotonic() - began) * 1000)
trips.sort()
print(json.dumps({"count": len(trips), "median": trips[len(trips) // 2], "longest": trips[-1]}), flush=True)
connection.close()
