"""A proxy before an S3 server that goes wrong on demand; see faults.py for how.

Requests reach the real server byte for byte, their Host header too, so signatures stay good: a client uses the proxy's
address as its endpoint. HTTP/1.1 with connections that stay open; request bodies have a Content-Length.

    server.on("UploadPart", part=3).fail(faults.internal_error())            # the first time part 3 comes
    server.on("PutObject", key="*/manifest*", times=ALWAYS).fail(faults.slow_down(retry_after=1))
    stalled = server.on("UploadPart", nth=2).fail(faults.stall("body", after=1000))
    stalled.wait(); ...; stalled.release()
    server.requests("UploadPart")                                            # what was seen
"""

import contextlib
import email.utils
import fnmatch
import select
import socket
import struct
import threading
import time
from calendar import timegm

from . import faults, s3_requests

ALWAYS = None

_PIECE = 64 * 1024
_REASONS = {100: "Continue", 200: "OK", 204: "No Content", 301: "Moved Permanently", 400: "Bad Request",
            403: "Forbidden", 404: "Not Found", 409: "Conflict", 429: "Too Many Requests",
            500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable"}


class Closed(Exception):
    """The connection to the client is over, by whomever."""


class _Wire:
    """A socket with a buffer to read heads from."""

    def __init__(self, connected):
        self.socket = connected
        self._buffer = b""

    def head(self):
        """Up to and with the empty line; None when the peer has closed before it."""
        while b"\r\n\r\n" not in self._buffer:
            piece = self.socket.recv(_PIECE)
            if not piece:
                return None
            self._buffer += piece
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        return head + b"\r\n\r\n"

    def some(self, most):
        """At least one byte and at most `most`; b"" at the end."""
        if not self._buffer:
            return self.socket.recv(min(most, _PIECE))
        piece, self._buffer = self._buffer[:most], self._buffer[most:]
        return piece

    def exactly(self, count):
        parts = []
        while count > 0:
            piece = self.some(count)
            if not piece:
                raise ConnectionError("ended in mid-body")
            parts.append(piece)
            count -= len(piece)
        return b"".join(parts)

    def line(self):
        text = b""
        while not text.endswith(b"\r\n"):
            text += self.exactly(1)
        return text[:-2]

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()


class Reply:
    """The real server's reply. Its body is streamed, or in memory after `load`."""

    def __init__(self, head, wire, to_head):
        self.status = int(head.split(b" ", 2)[1])
        self._first_line = head.split(b"\r\n", 1)[0]
        self._headers = [line.split(b":", 1) for line in head.split(b"\r\n")[1:] if line]
        self._wire, self._body = wire, None
        self._bodiless = to_head or self.status in (204, 304)
        # Listings come in chunks. They are small: read at once, they go on with a length.
        if not self._bodiless and (self.header("transfer-encoding") or "").lower() == "chunked":
            self.change_headers({"Transfer-Encoding": None})
            self.replace(b"".join(self._chunks()))

    def _chunks(self):
        while size := int(self._wire.line().split(b";")[0], 16):
            yield self._wire.exactly(size)
            self._wire.line()
        while self._wire.line():
            pass

    def header(self, name):
        return next((value.strip().decode("latin-1") for known, value in self._headers
                     if known.strip().lower() == name.lower().encode()), None)

    @property
    def length(self):
        """Of the body that follows."""
        if self._bodiless:
            return 0
        return len(self._body) if self._body is not None else int(self.header("content-length") or 0)

    def change_headers(self, changes):
        """Gives a header that is there another value, or drops it (None)."""
        changes = {name.lower().encode(): value for name, value in changes.items()}
        kept = [line for line in self._headers if changes.get(line[0].strip().lower(), "") is not None]
        self._headers = [[name, b" " + changes.get(name.strip().lower(), value.strip().decode("latin-1"))
                          .encode("latin-1")] for name, value in kept]

    def load(self):
        """The whole body."""
        if self._body is None:
            self._body = self._wire.exactly(self.length)
        return self._body

    def replace(self, body):
        if self._bodiless:
            return
        self._body = body
        self._headers = [line for line in self._headers if line[0].strip().lower() != b"content-length"]
        self._headers.append([b"Content-Length", f" {len(body)}".encode()])

    def discard(self):
        for _ in self.pieces():
            pass

    def head(self):
        return b"\r\n".join([self._first_line, *(b":".join(line) for line in self._headers)]) + b"\r\n\r\n"

    def pieces(self):
        if self._body is not None:
            yield self._body
            return
        left = self.length
        while left > 0:
            piece = self._wire.some(left)
            if not piece:
                raise Closed
            left -= len(piece)
            yield piece


class Exchange:
    """One request of a client on its way to the real server and back. What a fault may do is here."""

    def __init__(self, server, client, head, request, rule):
        self.request = request
        self._server, self._client, self._head, self._rule = server, client, head, rule
        self._upstream = None
        self._left = request.content_length or 0
        self._asked_for_body = False

    # --- towards the real server ---

    def forward(self, *, after=None, then=None):
        """Sends the request on and returns the reply's head. Calls `then` when `after` bytes of the body are sent."""
        try:
            self._upstream = _Wire(socket.create_connection(self._server.upstream, timeout=120))
            self._upstream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._upload(after, then)
            self.request.forwarded = True
            head = self._upstream.head()
            while head and head.split(b" ", 2)[1].startswith(b"1"):
                head = self._upstream.head()
        except OSError as error:
            raise Closed from error
        if head is None:
            raise Closed
        reply = Reply(head, self._upstream, self.request.method == "HEAD")
        if "date" in dict(s3_requests.header_lines(head)):
            reply.change_headers({"Date": email.utils.formatdate(self.now(), usegmt=True)})
        return reply

    def _upload(self, after, then):
        """The real server may refuse before it has read everything: then the rest is read for the client's sake."""
        refused = not self._try_to_send(self._head)
        sent = 0
        while self._left > 0:
            most = self._left if then is None or sent >= after else min(self._left, after - sent)
            if then is not None and sent == after:
                then()
                then = None
                continue
            piece = self._body_piece(most)
            sent += len(piece)
            refused = refused or not self._try_to_send(piece)

    def _try_to_send(self, data):
        try:
            self._upstream.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _body_piece(self, most):
        if not self._asked_for_body:
            self._asked_for_body = True
            if self.request.headers.get("expect", "").lower() == "100-continue":
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            piece = self._client.some(most)
        except OSError as error:
            raise Closed from error
        if not piece:
            raise Closed
        self._left -= len(piece)
        self.request.body_bytes += len(piece)
        return piece

    def discard_body(self):
        while self._left > 0:
            self._body_piece(self._left)

    def take_slowly(self, step, interval):
        """Reads the body so until the rule is released; what a late wake-up left is made up for. A small buffer, so
        that the client feels each step; a smaller one than a step would be what sets the pace."""
        self._client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, max(8 * 1024, 2 * step))
        began, taken = time.monotonic(), 0
        while self._left > 0 and not self.wait_for_release(interval):
            due = int(step * (time.monotonic() - began) / interval)
            while self._left > 0 and taken < due:
                taken += len(self._body_piece(min(due - taken, self._left)))

    def finish(self):
        if self._upstream:
            self._upstream.close()

    # --- towards the client ---

    def now(self):
        """The time that this server takes it for."""
        return time.time() + self._server.clock_shift

    def _send(self, data):
        try:
            self._client.socket.sendall(data)
        except OSError as error:
            raise Closed from error

    def send(self, reply, *, after=None, then=None):
        """Passes a reply on. Calls `then` when its head and `after` bytes of its body are sent."""
        self.request.status = reply.status
        self._send(reply.head())
        sent = 0
        for piece in reply.pieces():
            if then is not None and sent + len(piece) >= after:
                first, piece = piece[:after - sent], piece[after - sent:]
                self._send(first)
                sent += len(first)
                then()
                then = None
            self._send(piece)
            sent += len(piece)
        if then is not None:
            then()  # there were fewer bytes than that

    def send_slowly(self, reply, step, interval):
        """Passes a reply on, `step` bytes of its body at a time until the rule is released."""
        self.request.status = reply.status
        body = b"" if reply.length == 0 else reply.load()
        self._send(reply.head())
        sent = 0
        while sent < len(body):
            most = len(body) if self.wait_for_release(interval) else sent + step
            self._send(body[sent:most])
            sent = most

    def answer(self, status, headers, body, close=False):
        self.request.status = status
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
                 *(f"{name}: {value}" for name, value in headers.items()), f"Content-Length: {len(body)}"]
        lines += ["Connection: close"] if close else []
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self._send(head + (b"" if self.request.method == "HEAD" else body))
        if close:
            self._linger()
            raise Closed

    @contextlib.contextmanager
    def chunked_answer(self, status, headers):
        """Yields a function that sends a chunk."""
        self.request.status = status
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}", "Transfer-Encoding: chunked",
                 *(f"{name}: {value}" for name, value in headers.items())]
        self._send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        yield lambda data: self._send(f"{len(data):x}\r\n".encode() + data + b"\r\n") if data else None
        self._send(b"0\r\n\r\n")

    def _linger(self):
        """Reads what still comes: a close over unread bytes would be a reset, and could take the answer with it."""
        with contextlib.suppress(OSError):
            self._client.socket.shutdown(socket.SHUT_WR)
            self._client.socket.settimeout(10)
            while self._client.socket.recv(_PIECE):
                pass

    # --- ends ---

    def close(self):
        with contextlib.suppress(OSError):
            self._client.socket.shutdown(socket.SHUT_WR)
        raise Closed

    def reset(self):
        """No time to linger: the kernel sends RST."""
        self._client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Closed

    def stall(self):
        self._server.hanging += 1
        try:
            while not self.wait_for_release(0.05):
                pass
        finally:
            self._server.hanging -= 1

    def wait_for_release(self, seconds):
        """Waits that long at most; True when the rule is released. Over when the client goes, or the server stops."""
        self._rule.reached.set()
        released = self._rule.released.wait(seconds)
        # Looked for also when released: nobody waits for a request whose client went just before.
        if self._server.stopping or self._client_has_gone():
            raise Closed
        return released

    def _client_has_gone(self):
        poll = select.poll()
        poll.register(self._client.socket, select.POLLRDHUP)
        return bool(poll.poll(0))


class Rule:
    """For the nth request that fits, and the `times` - 1 after it. `hits` counts how often it was applied."""

    def __init__(self, operation, *, bucket, key, part, nth, times):
        if not any(fnmatch.fnmatchcase(known, operation) for known in s3_requests.OPERATIONS):
            raise ValueError(f"no operation is called {operation!r}")
        self._pattern = (operation, bucket, key, part)
        self._nth, self._times = nth, times
        self._seen = 0
        self._fault = None
        self.hits = 0
        self.reached = threading.Event()
        self.released = threading.Event()

    def fail(self, fault):
        """What happens then, one of those in faults.py. Returns the rule."""
        self._fault = fault
        return self

    def wait(self, timeout=60):
        """Returns when the rule has been applied, for stalls: when the exchange hangs."""
        assert self.reached.wait(timeout), f"nobody asked for {self._pattern}"
        return self

    def release(self):
        """Lets everything go on that hangs by this rule, now and later."""
        self.released.set()

    def fits(self, request):
        operation, bucket, key, part = self._pattern
        return (fnmatch.fnmatchcase(request.operation, operation) and fnmatch.fnmatchcase(request.bucket, bucket)
                and fnmatch.fnmatchcase(request.key, key) and part in (None, request.part))

    def take(self, request):
        """The fault for this request, or None."""
        if self._fault is None or not self.fits(request):
            return None
        self._seen += 1
        if self._seen < self._nth or (self._times is not ALWAYS and self._seen >= self._nth + self._times):
            return None
        self.hits += 1
        return self._fault


class FaultServer:
    """Listens from its making on, until `stop`."""

    def __init__(self, upstream_port, upstream_host="127.0.0.1", port=0, host="127.0.0.1"):
        self.upstream = (upstream_host, upstream_port)
        self.clock_shift = 0
        self.stopping = False
        self.hanging = 0  # exchanges that stall now
        self.failures = []  # what went wrong in this server itself
        self._tolerance = None
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._rules, self._log = [], []
        self._clients, self._threads = set(), []
        self._connections = 0
        self._listener = socket.socket()
        # A small window: a client that is not read from is to notice soon.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        self._listener.bind((host, port))
        self._listener.listen(128)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def port(self):
        return self._listener.getsockname()[1]

    @property
    def endpoint(self):
        return f"http://{self._listener.getsockname()[0]}:{self.port}"

    # --- the script ---

    def on(self, operation="*", *, bucket="*", key="*", part=None, nth=1, times=1):
        """A new rule; the first of all rules that applies to a request decides. Names are shell patterns.

        nth    the rule sleeps until that many requests have fitted, counted from now
        times  how many in a row from then on; ALWAYS: all
        """
        rule = Rule(operation, bucket=bucket, key=key, part=part, nth=nth, times=times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def shift_clock(self, seconds, tolerance=300):
        """This server's clock is that far off, which every Date header tells.

        A request whose time is more than `tolerance` seconds away from it is refused with RequestTimeTooSkewed. The
        real server behind has the right time, and by its own 900 seconds of tolerance limits the shift.
        """
        self.clock_shift, self._tolerance = seconds, tolerance

    def clear(self):
        """Forgets the rules, releases what hangs, puts the clock right. The log stays."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.release()
        self.clock_shift, self._tolerance = 0, None

    # --- the log ---

    def requests(self, operation="*", *, key="*"):
        """The requests seen so far in the order in which they came, s3_requests.Request."""
        with self._lock:
            return [request for request in self._log if fnmatch.fnmatchcase(request.operation, operation)
                    and fnmatch.fnmatchcase(request.key, key)]

    def wait_for(self, operation="*", *, key="*", count=1, timeout=60):
        """Returns when that many such requests have been seen."""
        def enough():
            return sum(fnmatch.fnmatchcase(request.operation, operation) and fnmatch.fnmatchcase(request.key, key)
                       for request in self._log) >= count
        with self._changed:
            assert self._changed.wait_for(enough, timeout), f"no {count} {operation} of {key} in {timeout} s"

    def forget(self):
        """Empties the log."""
        with self._lock:
            self._log.clear()

    # --- life ---

    def stop(self):
        self.stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(10)
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.socket.shutdown(socket.SHUT_RDWR)
        self.clear()
        for thread in self._threads:
            thread.join(10)

    def _accept(self):
        while not self.stopping:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = _Wire(connected)
            with self._lock:
                self._connections += 1
                self._clients.add(client)
                thread = threading.Thread(target=self._serve, args=(client, self._connections), daemon=True)
                self._threads = [old for old in self._threads if old.is_alive()] + [thread]
                thread.start()

    def _serve(self, client, number):
        try:
            while head := client.head():
                self._exchange(client, head, number)
        except (Closed, OSError):
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(error)
            raise
        finally:
            with self._lock:
                self._clients.discard(client)
            client.close()

    def _exchange(self, client, head, number):
        request = s3_requests.parse(head, number)
        with self._changed:
            self._log.append(request)
            rule, fault = self._decide(request)
            request.fault = fault.name
            self._changed.notify_all()
        exchange = Exchange(self, client, head, request, rule)
        try:
            fault.play(exchange)
        finally:
            exchange.finish()
            if rule:
                rule.reached.set()
        if request.headers.get("connection", "").lower() == "close":
            raise Closed

    def _decide(self, request):
        for rule in self._rules:
            if fault := rule.take(request):
                return rule, fault
        if self._tolerance is not None and self._is_skewed(request):
            return None, faults.time_too_skewed(time.time() + self.clock_shift, self._tolerance)
        return None, faults.Forward()

    def _is_skewed(self, request):
        stamp = request.headers.get("x-amz-date")
        if stamp is None:
            return False
        moment = timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
        return abs(moment - (time.time() + self.clock_shift)) > self._tolerance
