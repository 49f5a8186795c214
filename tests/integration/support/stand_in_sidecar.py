"""Answers on the control socket as a running sidecar does, with what a test says.

An abstract Unix socket; a client sends one line and gets "ok BYTES\\n" or "error BYTES\\n" and so many bytes of JSON.
"""

import json
import secrets
import socket
import threading


class StandInSidecar:
    """Listens until it is closed. `answer` goes to every request; None hangs up on it. `heard` has the requests."""

    def __init__(self, answer, *, word="ok", instance=None):
        self.instance = instance or f"stand-in-{secrets.token_hex(6)}"
        self.heard = []
        body = None if answer is None else json.dumps(answer).encode()
        self._reply = b"" if body is None else f"{word} {len(body)}\n".encode() + body
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(f"\0lifeboat/{self.instance}")
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.heard.append(connection.makefile().readline())
                connection.sendall(self._reply)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
