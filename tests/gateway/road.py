"""A way to a gateway that somebody else owns: a proxy that says so, and that loses the connection where a step wants it."""

import socket
import threading

from tap import Frames

# Not an address of this machine: the gateway takes whoever comes this way for a stranger.
STRANGER = "X-Forwarded-For: 10.1.2.3\r\n"


class Road:
    """Passes connections on to `port`. With `cuts`, connection after connection is lost one request later than the one
    before it, in turn before the request got through and after."""

    def __init__(self, port):
        self.target, self.cuts, self.lost, self.pairs = port, False, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.pairs.append((client, server))
            threading.Thread(target=self.requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self.answers, args=(client, server), daemon=True).start()

    def requests(self, client, server):
        """What the product sends, one frame after the other."""
        count, cut_at = 0, len(self.lost) + 1

        def hear(_):
            nonlocal count
            count += 1
        frames, head = Frames(hear), b""
        try:
            while data := client.recv(65536):
                frames.feed(data)
                if head is not None:
                    head += data
                    if b"\r\n\r\n" not in head:
                        continue
                    data, head = head.replace(b"\r\n", b"\r\n" + STRANGER.encode(), 1), None
                if self.cuts and count >= cut_at:
                    self.lost.append(count)
                    if cut_at % 2:
                        server.sendall(data)
                    return
                server.sendall(data)
        except OSError:
            pass
        finally:
            close(client, server)

    @staticmethod
    def answers(client, server):
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        finally:
            close(client, server)

    def lose(self):
        """Ends the connections that there are."""
        for client, server in self.pairs:
            close(client, server)
        self.pairs = []

    def close(self):
        self.listener.close()
        self.lose()


def close(*ends):
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
