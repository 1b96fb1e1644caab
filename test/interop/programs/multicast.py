"""A group on the loopback interface, with nothing but the socket module.

multicast.py receive GROUP COUNT     says its port, then who sent what, in a line for each datagram
multicast.py send GROUP PORT WORD...  sends each word, and says from which port
"""

import socket
import struct
import sys

INTERFACE = "lo"
mode, group = sys.argv[1:3]
family = socket.AF_INET6 if ":" in group else socket.AF_INET
index = socket.if_nametoindex(INTERFACE)


def join(receiver):
    if family == socket.AF_INET6:
        request = socket.inet_pton(family, group) + struct.pack("@I", index)
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
    else:
        request = socket.inet_aton(group) + struct.pack("@4sI", b"", index)
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def receive(count):
    with socket.socket(family, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("", 0))
        join(receiver)
        print(f"port: {receiver.getsockname()[1]}", flush=True)
        for _ in range(count):
            data, sender = receiver.recvfrom(65536)
            print(f"heard: {sender[0]} {data.decode()}", flush=True)


def send(port, words):
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        if family == socket.AF_INET6:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        for word in words:
            sender.sendto(word.encode(), (group, port))
        print(f"sent: {len(words)}", flush=True)


if mode == "receive":
    receive(int(sys.argv[3]))
else:
    send(int(sys.argv[3]), sys.argv[4:])
