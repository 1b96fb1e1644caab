"""One connection between this program's standard input and output, with nothing but the socket module.

peer.py connect PORT | peer.py listen
peer.py connect-unix PATH | peer.py listen-unix PATH, or @NAME for an abstract name
"""

import os
import socket
import sys
import threading

CHUNK = 64 * 1024


def unix_address():
    path = sys.argv[2]
    return "\0" + path[1:] if path.startswith("@") else path


def connected_unix():
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.connect(unix_address())
    return peer


def listening_unix():
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(unix_address())
    listener.listen()
    print("listening on the path", file=sys.stderr, flush=True)
    return listener


def listening():
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on {listener.getsockname()[1]}", file=sys.stderr, flush=True)
    return listener


def connection():
    if sys.argv[1] == "connect":
        return socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    if sys.argv[1] == "connect-unix":
        return connected_unix()
    listener = listening_unix() if sys.argv[1] == "listen-unix" else listening()
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
