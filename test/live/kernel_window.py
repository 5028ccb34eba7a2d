"""Two kernels and a window: python3 kernel_window.py serve|call HOST PORT

The server's buffer is small, and it does not read for two seconds; the client sends all that goes in, waits until the server has
asked for the rest, keeps the connection alive for three seconds, and closes.
"""
import socket
import sys
import time

role, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
TOTAL = 30000
if role == "serve":
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1)
    print("listening", flush=True)
    end, _ = listener.accept()
    time.sleep(2)
    got = 0
    while got < TOTAL:
        got += len(end.recv(65536))
    end.sendall(b"k")
    while end.recv(65536):
        pass
    end.close()
else:
    end = socket.create_connection((host, port))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    end.sendall(bytes(TOTAL))
    end.recv(1)
    time.sleep(2.5)
    end.close()
