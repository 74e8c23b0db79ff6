"""A gateway's WebSocket, as an operator of the gateway uses it: what the product does there is looked at from outside."""

import base64
import json
import os
import socket
import struct
import time
import uuid

SECONDS = 30
SCOPES = ["operator.read", "operator.write", "operator.admin", "operator.approvals", "operator.pairing"]


class Refused(Exception):
    """The gateway said no; `error` is what it said."""

    def __init__(self, method, error):
        super().__init__(f"{method}: {error}")
        self.error = error


class Wire:
    """`with Wire(port, token) as wire`: past the handshake, with `wire.hello`."""

    def __init__(self, port, token):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        self.socket.sendall(head.encode())
        while b"\r\n\r\n" not in self.buffer:
            self.receive()
        answer, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n")[0]:
            raise OSError(f"no WebSocket: {answer[:100]!r}")
        self.hello = self.ask("connect", {
            "minProtocol": 3,
            "maxProtocol": 4,
            "client": {"id": "gateway-client", "version": "1.0.0", "platform": "linux", "mode": "backend"},
            "role": "operator",
            "scopes": SCOPES,
            "auth": {"token": token},
        })

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, method, params=None):
        """The payload of the response; events are passed over."""
        wanted = str(uuid.uuid4())
        self.send(json.dumps({"type": "req", "id": wanted, "method": method, "params": params or {}}))
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            frame = json.loads(self.message())
            if frame.get("id") == wanted:
                if not frame["ok"]:
                    raise Refused(method, frame["error"])
                return frame.get("payload")
        raise TimeoutError(method)

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the gateway closed the connection")
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.receive()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def send(self, text, kind=1):
        data = text if isinstance(text, bytes) else text.encode()
        if len(data) < 126:
            head = struct.pack("!BB", 0x80 | kind, 0x80 | len(data))
        elif len(data) < 65536:
            head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, len(data))
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, len(data))
        # A mask of zeros is a mask.
        self.socket.sendall(head + bytes(4) + data)

    def message(self):
        """The next whole message; pings are answered on the way."""
        whole = b""
        while True:
            first, second = self.take(2)
            length = second & 0x7F
            if length >= 126:
                length = struct.unpack("!H" if length == 126 else "!Q", self.take(2 if length == 126 else 8))[0]
            payload = self.take(length)
            kind = first & 0x0F
            if kind == 9:
                self.send(payload, 10)
            elif kind == 8:
                raise ConnectionError(f"the gateway closed the connection: {payload[2:]!r}")
            elif kind in (0, 1, 2):
                whole += payload
                if first & 0x80:
                    return whole
