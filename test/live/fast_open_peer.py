"""The kernel's Fast Open: a client that sends with its SYN, and a server that takes what comes with one.

    fast_open_peer.py client HOST PORT TEXT      prints what came back, and whether the SYN's text was taken
    fast_open_peer.py server PORT COUNT          prints the same of each connection, echoes, and ends after COUNT

TCPI_OPT_SYN_DATA of tcp_info tells: the kernel has given, or taken, text with the SYN that was acknowledged with it.
"""
import socket
import sys

MSG_FASTOPEN = 0x20000000
TCP_FASTOPEN = 23
OPTIONS_OFFSET = 5
SYN_DATA = 0x20

with open("/proc/sys/net/ipv4/tcp_fastopen", "w") as setting:
    setting.write("3")


def took_syn_data(connection):
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return bool(info[OPTIONS_OFFSET] & SYN_DATA)


def read_all(connection):
    text = b""
    while True:
        part = connection.recv(65536)
        if not part:
            return text
        text += part


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


if sys.argv[1] == "client":
    _, _, host, port, text = sys.argv
    connection = socket.socket(family_of(host))
    connection.sendto(text.encode(), MSG_FASTOPEN, (host, int(port)))
    connection.shutdown(socket.SHUT_WR)
    echoed = read_all(connection)
    print(echoed.decode(), took_syn_data(connection), flush=True)
else:
    _, _, port, count = sys.argv
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::", int(port)))
    server.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)
    server.listen(16)
    print("listening", flush=True)
    for _ in range(int(count)):
        connection, _ = server.accept()
        taken = took_syn_data(connection)
        first = connection.recv(65536)
        connection.sendall(first)
        print(first.decode().strip(), taken, flush=True)
        connection.close()
