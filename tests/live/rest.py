"""The REST API, as far as scripts need it."""

import http.client
import json
import urllib.error
import urllib.request

SECONDS = 60


class Refused(Exception):
    """An answer that a script cannot go on with."""


class Rest:
    """A client, signed in when it has a token."""

    def __init__(self, url, token=None):
        self.url, self.token = url.rstrip("/"), token

    def send(self, method, path, body=None, headers=None, read=True):
        """The status, the headers and the decoded body of an answer. A stream is not read to its end, which never comes."""
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {})
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("content-type", "application/json")
        try:
            answer = urllib.request.urlopen(request, timeout=SECONDS)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            kind = answer.headers.get_content_type()
            if not read or kind == "text/event-stream":
                return answer.status, answer.headers, None
            content = answer.read()
            decoded = json.loads(content) if content and kind.endswith("json") and kind != "application/x-ndjson" else content
            return answer.status, answer.headers, decoded

    def try_status(self, method, path):
        """The status, or `None` when nobody answers."""
        try:
            return self.send(method, path)[0]
        except (OSError, http.client.HTTPException):
            return None

    def call(self, method, path, body=None, headers=None):
        """The decoded body of an answer that has to be good."""
        status, _, decoded = self.send(method, path, body, headers)
        if status >= 300:
            raise Refused(f"{method} {path}: {status} {decoded}")
        return decoded

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def patch(self, path, body):
        return self.call("PATCH", path, body)
