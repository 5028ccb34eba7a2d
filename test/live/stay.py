"""Sends bytes to an echo, byte by byte at first, reads them all, prints `back`, and stays: `stay.py HOST PORT BYTES`."""

import socket
import sys
import threading
import time

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for _ in range(10):
    connection.sendall(b"x")
    connection.recv(1)
total = int(sys.argv[3])
threading.Thread(target=connection.sendall, args=(b"x" * total,), daemon=True).start()
left = total
while left > 0:
    left -= len(connection.recv(65536))
print("back", flush=True)
time.sleep(600)
