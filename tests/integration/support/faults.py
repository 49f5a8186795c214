"""What can go wrong between a client and an object store: each fault is given one exchange, and spoils it.

A fault has a `name` for the log and `play(exchange)`; see fault_server.Exchange for what it may do there.
"""

import email.utils
import time
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

PLACES = ("request", "body", "answer", "reply")

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


class Forward:
    """No fault: the request goes to the real server, and its reply to the client."""

    name = None

    def play(self, exchange):
        exchange.send(exchange.forward())


# --- answers that the real server does not give on demand ---


@dataclass
class Answer:
    """An answer in place of the real one.

    forwarded  the real server gets the request all the same and does what it asks; its answer is dropped
    early      answers before it has read the request's body, and closes
    """

    name: str
    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    content_type: str = "application/xml"
    forwarded: bool = False
    early: bool = False

    def play(self, exchange):
        if self.forwarded:
            exchange.forward().discard()
        elif not self.early:
            exchange.discard_body()
        headers = {"Content-Type": self.content_type, "x-amz-request-id": "tx-of-a-fault", "x-amz-id-2": "a-fault",
                   "Date": email.utils.formatdate(exchange.now(), usegmt=True)} | self.headers
        exchange.answer(self.status, headers, self.body, close=self.early)


def error(status, code, message="", *, headers=None, elements=None, **options):
    """An S3 error: <Error> with Code, Message and what `elements` holds."""
    inner = {"Code": code, "Message": message, **(elements or {}), "RequestId": "tx-of-a-fault", "HostId": "a-fault"}
    body = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in inner.items())
    text = DECLARATION + f"\n<Error>{body}</Error>".encode()
    return Answer(f"{status} {code}", status, dict(headers or {}), text, **options)


def internal_error(**options):
    """B2's words."""
    return error(500, "InternalError", "An internal error occurred. Please retry your upload.", **options)


def service_unavailable(**options):
    """B2's words for a busy vault."""
    return error(503, "ServiceUnavailable", "no tomes available", **options)


def slow_down(retry_after=None, **options):
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return error(503, "SlowDown", "Please reduce your request rate.", headers=headers, **options)


def too_many_requests(retry_after=1, **options):
    return error(429, "TooManyRequests", "Too many requests.", headers={"Retry-After": str(retry_after)}, **options)


def request_timeout(**options):
    return error(400, "RequestTimeout", "Your socket connection to the server was not read from or written to within "
                 "the timeout period.", **options)


def time_too_skewed(server_time=None, tolerance=900, **options):
    """`server_time`: what the server takes the time for, in seconds since 1970; by default it is right."""
    moment = time.time() if server_time is None else server_time
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    return error(403, "RequestTimeTooSkewed",
                 "The difference between the request time and the current time is too large.",
                 headers={"Date": email.utils.formatdate(moment, usegmt=True)},
                 elements={"ServerTime": stamp, "MaxAllowedSkewMilliseconds": tolerance * 1000}, **options)


def permanent_redirect(region="eu-central-003", endpoint=None, **options):
    """A bucket that lives elsewhere."""
    where = endpoint or f"s3.{region}.example.test"
    return error(301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the "
                 "specified endpoint.", headers={"x-amz-bucket-region": region},
                 elements={"Endpoint": where, "Region": region}, **options)


def wrong_region(region="eu-central-003", **options):
    return error(400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region is wrong; "
                 f"expecting '{region}'", headers={"x-amz-bucket-region": region}, elements={"Region": region},
                 **options)


def expired_token(**options):
    return error(400, "ExpiredToken", "The provided token has expired.", **options)


def invalid_access_key(**options):
    return error(403, "InvalidAccessKeyId", "The key ID you provided does not exist.", **options)


def access_denied(message="not entitled", **options):
    return error(403, "AccessDenied", message, **options)


def cap_exceeded(message="Cannot upload files, storage cap exceeded. See the Caps & Alerts page to increase your cap.",
                 **options):
    """B2's; which code it has there is not documented, so a client goes by status and message."""
    return error(403, "AccessDenied", message, **options)


def not_implemented(**options):
    """B2's answer to a conditional write."""
    return error(501, "NotImplemented", "A header you provided implies functionality that is not implemented.",
                 **options)


def body_too_small(**options):
    """B2's, seen after a repeated part."""
    return error(400, "InvalidRequest", "The request body was too small", **options)


def bad_digest(**options):
    return error(400, "BadDigest", "The Content-MD5 you specified did not match what we received.", **options)


def no_such_upload(**options):
    """What a second completion gets from most stores (Ceph answers it as it did the first)."""
    return error(404, "NoSuchUpload", "The specified multipart upload does not exist.", **options)


def no_such_bucket(**options):
    return error(404, "NoSuchBucket", "The specified bucket does not exist.", **options)


def conflict(**options):
    return error(409, "ConditionalRequestConflict", "A conflicting operation is in progress.", **options)


def html_error(status=502, **options):
    """A reverse proxy's page."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>a proxy<br></body></html>\n"
    return Answer(f"{status} HTML", status, {}, page.encode(), "text/html", **options)


def empty_error(status=503, **options):
    return Answer(f"{status} empty", status, {}, b"", **options)


def error_in_success(code="InternalError", message="We encountered an internal error. Please try again.", **options):
    """200, some white space and <Error>, as a completion or a copy may end."""
    spoilt = error(200, code, message, **options)
    spoilt.body = spoilt.body.replace(b"\n<Error>", b" " * 16 + b"\n<Error>")
    return spoilt


# --- connections that break or hang ---


class Interrupt:
    """The connection ends, or hangs, at one place of the exchange:

    request  its head has been read, and nothing went to the real server
    body     `after` bytes of the request's body went to the real server
    answer   the real server has done it and has answered; the client gets not one byte of it
    reply    the client has the head and `after` bytes of the reply's body
    """

    def __init__(self, end, where, after=0):
        if where not in PLACES:
            raise ValueError(f"no place {where!r}: one of {', '.join(PLACES)}")
        self.name = f"{end} at {where} {after}"
        self._end, self._where, self._after = end, where, after

    def play(self, exchange):
        if self._where == "request":
            self._strike(exchange)
        reply = exchange.forward(**self._hook(exchange, "body"))
        if self._where == "answer":
            reply.load()
            self._strike(exchange)
        exchange.send(reply, **self._hook(exchange, "reply"))

    def _hook(self, exchange, place):
        return {"after": self._after, "then": lambda: self._strike(exchange)} if self._where == place else {}

    def _strike(self, exchange):
        {"close": exchange.close, "reset": exchange.reset, "stall": exchange.stall}[self._end]()


def reset(where="request", after=0):
    """The peer's kernel says: no such connection (RST)."""
    return Interrupt("reset", where, after)


def close(where="request", after=0):
    """An orderly end (FIN) at the wrong moment."""
    return Interrupt("close", where, after)


def stall(where="reply", after=0):
    """Not a byte more until the rule is released; then all goes on as if nothing had been."""
    return Interrupt("stall", where, after)


def lose_reply():
    """The real server has done it, and nobody hears of it."""
    return close("answer")


def truncate(after):
    """Fewer bytes than Content-Length promises, then an orderly end."""
    return close("reply", after)


@dataclass
class Drip:
    """A success whose body is white space without end, byte by byte, as of a store that is still at work.

    As there, the XML declaration comes first. Once the rule is released, the rest of the real reply's body follows.
    """

    interval: float = 1.0
    name: str = "drip"

    def play(self, exchange):
        reply = exchange.forward()
        body = reply.load().removeprefix(DECLARATION)
        with exchange.chunked_answer(200, {"Content-Type": "application/xml"}) as send:
            send(DECLARATION)
            while not exchange.wait_for_release(self.interval):
                send(b" ")
            send(body)


@dataclass
class Trickle:
    """The real reply, its body a few bytes at a time. Once the rule is released, the rest follows at once."""

    step: int = 1
    interval: float = 0.1
    name: str = "trickle"

    def play(self, exchange):
        exchange.send_slowly(exchange.forward(), self.step, self.interval)


@dataclass
class Sip:
    """Takes the request's body in at `step` bytes in each `interval`, and answers nothing."""

    step: int = 1
    interval: float = 0.1
    name: str = "sip"

    def play(self, exchange):
        exchange.take_slowly(self.step, self.interval)
        exchange.close()


# --- replies that are not what the store said ---


class Change:
    """The real reply with other values of its headers (None drops one), and a body that went through a function."""

    def __init__(self, name, *, headers=None, body=None):
        self.name = name
        self._headers, self._body = headers or {}, body

    def play(self, exchange):
        reply = exchange.forward()
        reply.change_headers(self._headers)
        if self._body is not None:
            reply.replace(self._body(reply.load()))
        exchange.send(reply)


def corrupt(at=0):
    """One bit of the reply's body is wrong. Bytes are counted from the end when `at` is negative."""
    def flip(body):
        spoilt = bytearray(body)
        spoilt[at] ^= 0x01
        return bytes(spoilt)
    return Change(f"corrupt at {at}", body=flip)


def wrong_etag(etag='"00000000000000000000000000000000"'):
    """Another ETag in the header and, where there is one, in the body."""
    element = escape(etag, {'"': "&quot;"})
    return Change("wrong ETag", headers={"ETag": etag}, body=lambda body: _with_etag(body, element))


def without_etag():
    """No ETag in the header, no ETag element in the body."""
    return Change("without ETag", headers={"ETag": None}, body=lambda body: _cut(body, b"<ETag>", b"</ETag>"))


def empty_etag():
    """An ETag element with nothing in it."""
    return Change("empty ETag", body=lambda body: _with_etag(body, ""))


def _span(body, opening, closing):
    start = body.find(opening)
    end = body.find(closing, start)
    return (start, end + len(closing)) if 0 <= start < end else None


def _cut(body, opening, closing):
    span = _span(body, opening, closing)
    return body[:span[0]] + body[span[1]:] if span else body


def _with_etag(body, etag):
    span = _span(body, b"<ETag>", b"</ETag>") or _span(body, b"<ETag", b"/>")
    return body[:span[0]] + f"<ETag>{etag}</ETag>".encode() + body[span[1]:] if span else body
