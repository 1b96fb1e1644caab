"""One TCP connection between this program's standard input and output, with nothing but the socket module.

peer.py connect PORT | peer.py listen
"""

import os
import socket
import sys
import threading

CHUNK = 64 * 1024


def connection():
    if sys.argv[1] == "connect":
        return socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on {listener.getsockname()[1]}", file=sys.stderr, flush=True)
    accepted, _ = listener.accept()
    listener.close()
    return accepted


def send_input(peer):
    while chunk := os.read(0, CHUNK):
        peer.sendall(chunk)
    peer.shutdown(socket.SHUT_WR)


def write_output(peer):
    while chunk := peer.recv(CHUNK):
        while chunk:
            chunk = chunk[os.write(1, chunk) :]


with connection() as peer:
    sender = threading.Thread(target=send_input, args=(peer,))
    sender.start()
    write_output(peer)
    sender.join()
