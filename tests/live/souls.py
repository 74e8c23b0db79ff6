"""A directory of souls on this machine, as the public one answers: a sitemap, and each soul as Markdown."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SOULS = {("ada", "researcher"): "# Researcher\n\nCurious, careful.\n", ("ada", "writer"): "# Writer\n\nBrief.\n"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = self.path.removesuffix(".md").strip("/").split("/")
        if self.path == "/sitemap.xml":
            root = f"http://127.0.0.1:{self.server.server_port}"
            pages = "".join(f"<url><loc>{root}/souls/{handle}/{slug}</loc></url>" for handle, slug in SOULS)
            self.answer(200, "application/xml", f"<urlset>{pages}</urlset>")
        elif parts[:2] == ["api", "souls"] and tuple(parts[2:]) in SOULS:
            self.answer(200, "text/markdown", SOULS[tuple(parts[2:])])
        else:
            self.answer(404, "text/plain", "no such soul")

    def answer(self, status, kind, text):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Says nothing."""


def serve():
    """Starts it; the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
