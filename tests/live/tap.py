"""A listener between the product and a gateway that hears what agents are given: their tokens.

Agents read their token in their workspace on the gateway. The product writes it there over the WebSocket, and nobody can
ask for it again; so whoever wants to act as an agent of a test has to listen.
"""

import re
import socket
import threading

TOKEN = re.compile(rb"mca_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")


class Tap:
    """Passes connections on to `port`. `tokens` fills while it does, by the id of the agent."""

    def __init__(self, port):
        self.target = port
        self.tokens = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def token(self, agent):
        found = self.tokens.get(agent.replace("-", ""))
        return found.decode() if found else None

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            threading.Thread(target=self.pass_on, args=(client, server, Frames(self.hear)), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, None), daemon=True).start()

    @staticmethod
    def pass_on(source, sink, frames):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
                if frames:
                    frames.feed(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def hear(self, text):
        for found in TOKEN.finditer(text):
            self.tokens[found[1].decode()] = found[0]


class Frames:
    """The payloads of the WebSocket frames that a client sends, after the head of its HTTP request."""

    def __init__(self, hear):
        self.hear, self.buffer, self.is_open = hear, b"", False

    def feed(self, data):
        self.buffer += data
        if not self.is_open:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self.is_open, self.buffer = True, rest
        while (frame := self.next()) is not None:
            self.hear(frame)

    def next(self):
        """The first whole frame, unmasked; `None` until there is one."""
        if len(self.buffer) < 2:
            return None
        length, place = self.buffer[1] & 0x7F, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, place = int.from_bytes(self.buffer[2 : 2 + size], "big"), 2 + size
        mask = b""
        if self.buffer[1] & 0x80:
            mask, place = self.buffer[place : place + 4], place + 4
        if len(self.buffer) < place + length:
            return None
        payload, self.buffer = self.buffer[place : place + length], self.buffer[place + length :]
        if mask:
            repeated = mask * (length // 4 + 1)
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:length], "big")).to_bytes(length, "big")
        return payload
