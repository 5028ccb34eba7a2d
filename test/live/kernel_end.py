"""One end of a connection over the kernel's own TCP, led word by word: a word a line on stdin, "done" on stdout.

    python3 kernel_end.py HOST PORT

listen, accept, connect, send, receive, shutdown, close, abort.
"""
import socket
import struct
import sys

HOST, PORT = sys.argv[1], int(sys.argv[2])
listener = None
end = None

for line in sys.stdin:
    word = line.strip()
    if word == "listen":
        listener = socket.create_server((HOST, PORT))
    elif word == "accept":
        end, _ = listener.accept()
        listener.close()
    elif word == "connect":
        end = socket.create_connection((HOST, PORT))
    elif word == "send":
        end.sendall(b"x" * 1000)
    elif word == "receive":
        end.recv(1000, socket.MSG_WAITALL)
    elif word == "shutdown":
        end.shutdown(socket.SHUT_WR)
    elif word == "close":
        end.close()
    elif word == "abort":
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()
    print("done", flush=True)
