"""Asks a server's control socket for a snapshot: `control_reader.py read|stall`.

`read` takes it as fast as it comes; `stall` takes nothing until the server gives up. Prints one JSON object: seconds,
bytes, lines, how often a connection came that had come before, and whether the last line says that all have come.
"""

import glob
import json
import socket
import sys
import time

began = time.monotonic()
server = socket.socket(socket.AF_UNIX)
server.connect(glob.glob("/run/tcplab/*.sock")[0])
server.sendall(b'{"request":"snapshot"}\n')
if sys.argv[1] == "stall":
    # A write fails once the server has closed its end.
    try:
        while time.monotonic() - began < 60:
            time.sleep(0.05)
            server.sendall(b"\n")
    except OSError:
        pass
    print(json.dumps({"seconds": time.monotonic() - began}))
    sys.exit()
parts = []
while part := server.recv(1 << 20):
    parts.append(part)
seconds = time.monotonic() - began
text = b"".join(parts)
lines = text.split(b"\n")
ids = [json.loads(line)["id"] for line in lines[1:-2]]
print(json.dumps({
    "seconds": seconds,
    "bytes": len(text),
    "connections": len(ids),
    "twice": len(ids) - len(set(ids)),
    "whole": len(lines) > 2 and json.loads(lines[-2]) == {"end": len(lines) - 2},
}))
