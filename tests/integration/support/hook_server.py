"""A web server that is told things: it writes down what is posted to it and answers as the test says."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from .sidecar import eventually


@dataclass(frozen=True)
class Call:
    method: str
    path: str  # with its query
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def place(self):
        """The path without its query."""
        return urlsplit(self.path).path


class HookServer:
    """A `with` block ends it. `answer` is what each call gets: a status, a reply's bytes, or HANG."""

    HANG = object()

    def __init__(self, tls=None):
        self.calls, self.answer, self.headers = [], 200, {}
        self._lock, self._ended = threading.Lock(), threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server._note(Call(self.command, self.path, {name.lower(): value for name, value in
                                                            self.headers.items()}, body.decode()))
                server._reply(self)

            do_GET = do_HEAD = do_PUT = do_POST

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}/{path}"

    def _note(self, call):
        with self._lock:
            self.calls.append(call)

    def _reply(self, handler):
        answer = self.answer
        if answer is self.HANG:
            self._ended.wait()
            handler.close_connection = True
            return
        status, body = (200, answer) if isinstance(answer, bytes) else (answer, b"ok")
        handler.send_response(status)
        for name, value in {"Content-Length": len(body), **self.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    # --- what came ---

    def at(self, place):
        """The calls of this path, whatever their query."""
        with self._lock:
            return [call for call in self.calls if call.place == place]

    def places(self):
        with self._lock:
            return [call.place for call in self.calls]

    def wait_for(self, place, count=1, timeout=60):
        """The calls of this path, once there are so many."""
        return eventually(lambda: calls if len(calls := self.at(place)) >= count else None, timeout,
                          f"{count} x {place} (came: {self.places()})")

    def wait_for_event(self, place, event, timeout=60):
        """The newest message of this event."""
        def look():
            return next((call.json for call in reversed(self.at(place)) if call.json["event"] == event), None)
        return eventually(look, timeout, f"{event} at {place} (came: {[call.text for call in self.at(place)]})")
