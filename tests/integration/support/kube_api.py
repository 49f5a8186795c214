"""An API server of Kubernetes as far as a reporting sidecar sees it, which takes nothing that the real one would not.

It speaks TLS with a certificate of its own authority, knows tokens, grants what rules of a Role grant, applies merge
patches and strategic merge patches, and checks what comes out: by the schemas that Kubernetes publishes (an unknown
field is refused, as with fieldValidation=Strict), and by the rules that stand in its sources beside them
(pkg/apis/core/validation). What a story breaks is broken on demand: see `trouble` and `down`.
"""

import base64
import contextlib
import functools
import http.server
import json
import os
import re
import secrets
import socket
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from . import certificates, kube_tools
from .postgres import free_port

NAMESPACE, POD = "shop", "postgres-0"
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
QUALIFIED_NAME = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
OBJECT_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
# What a Role says; the manifests' own are in tests/integration/kubernetes.
ALL_RULES = (
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["lifeboat-status"], "verbs": ["patch"]},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
)


class Refusal(Exception):
    def __init__(self, code, reason, message):
        super().__init__(message)
        self.code = code
        self.status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                       "reason": reason, "code": code}


def invalid(message):
    return Refusal(422, "Invalid", message)


# --- schemas ------------------------------------------------------------------------------------------------------

@functools.cache
def definitions():
    """Of the oldest and of the newest Kubernetes."""
    return [json.loads((folder / "_definitions.json").read_text())["definitions"]
            for folder in kube_tools.paths("schemas")]


KINDS = {"ConfigMap": "io.k8s.api.core.v1.ConfigMap", "Pod": "io.k8s.api.core.v1.Pod",
         "Event": "io.k8s.api.events.v1.Event"}
TYPES = {"string": str, "object": dict, "array": list, "boolean": bool}


def complaints(schema, value, known, place=""):
    """What the schema has against it: of JSON schema what these schemas use."""
    if "$ref" in schema:
        yield from complaints(known[schema["$ref"].rpartition("/")[2]], value, known, place)
        return
    wanted = schema.get("type")
    if wanted == "integer" and (not isinstance(value, int) or isinstance(value, bool)):
        yield f"{place}: no integer"
    elif wanted in TYPES and not isinstance(value, TYPES[wanted]):
        yield f"{place}: no {wanted}"
    elif isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                yield f"{place}.{name}: missing"
        more = schema.get("additionalProperties", True)
        for name, each in value.items():
            inner = schema.get("properties", {}).get(name, more)
            if inner is False:
                yield f"{place}.{name}: unknown field"
            elif isinstance(inner, dict):
                yield from complaints(inner, each, known, f"{place}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from complaints(schema.get("items", {}), each, known, f"{place}[{index}]")
    elif schema.get("format") == "date-time" and not TIME.fullmatch(value):
        yield f"{place}: no time: {value}"


def check_schema(kind, value):
    for known in definitions():
        for complaint in complaints(known[KINDS[kind]], value, known, kind):
            raise Refusal(400, "BadRequest", f"strict decoding error: {complaint}")


# --- patches ------------------------------------------------------------------------------------------------------

def merge_patched(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = merge_patched(made.get(name), value)
    return made


def strategically_patched(target, patch, place=""):
    """As merge_patched, but the conditions of a pod are merged by their type. Other lists are not patched here."""
    made = dict(target)
    for name, value in patch.items():
        here = f"{place}.{name}"
        if here == ".status.conditions":
            merged = {each["type"]: each for each in target.get(name, [])}
            for each in value:
                merged[each["type"]] = merge_patched(merged.get(each["type"]), each)
            made[name] = list(merged.values())
        elif isinstance(value, dict):
            made[name] = strategically_patched(target.get(name, {}), value, here)
        elif isinstance(value, list) or name.startswith("$"):
            raise Refusal(400, "BadRequest", f"this server does not patch {here}")
        else:
            made[name] = value
    return made


# --- rules of the sources -----------------------------------------------------------------------------------------

def check_configmap(made, before):
    if before.get("immutable") and made.get("data") != before.get("data"):
        raise invalid("data: Forbidden: field is immutable when `immutable` is set")
    for key in made.get("data", {}):
        if not DATA_KEY.fullmatch(key):
            raise invalid(f"data[{key}]: a valid config key must consist of alphanumeric characters, '-', '_' or '.'")


def check_event(event, namespace):
    """pkg/apis/core/validation/events.go: what is new in events.k8s.io/v1 is checked strictly."""
    old = [name for name in ("deprecatedCount", "deprecatedFirstTimestamp", "deprecatedLastTimestamp",
                             "deprecatedSource") if name in event]
    rules = {
        "eventTime: Required value": not MICRO_TIME.fullmatch(event.get("eventTime", "")),
        "type: has invalid value": event.get("type") not in ("Normal", "Warning"),
        "reportingController: must be a qualified name": not QUALIFIED_NAME.fullmatch(
            event.get("reportingController", "")),
        "reportingInstance: Required value": not 0 < len(event.get("reportingInstance", "").encode()) <= 128,
        "action: Required value": not 0 < len(event.get("action", "").encode()) <= 128,
        "reason: Required value": not 0 < len(event.get("reason", "").encode()) <= 128,
        "note: can have at most 1024 bytes": len(event.get("note", "").encode()) > 1024,
        f"{old}: needs to be unset": bool(old),
        "regarding.namespace: does not match event.namespace": event["regarding"].get("namespace") != namespace,
        "metadata.namespace: does not match the path": event["metadata"].get("namespace") != namespace,
        "metadata.name: is not a name": not OBJECT_NAME.fullmatch(event["metadata"].get("name", "")),
    }
    for rule, is_broken in rules.items():
        if is_broken:
            raise invalid(rule)


def check_series(made, before):
    if {**made, "series": None} != {**before, "series": None}:
        raise invalid("only the series of an event can be changed")
    series = made.get("series", {})
    if series.get("count", 0) < 2 or not MICRO_TIME.fullmatch(series.get("lastObservedTime", "")):
        raise invalid("series: count must be at least 2, and lastObservedTime is required")


def check_conditions(pod):
    conditions = pod["status"].get("conditions", [])
    for each in conditions:
        if each["status"] not in ("True", "False", "Unknown"):
            raise invalid(f"status.conditions[{each['type']}].status: Unsupported value")


# --- the server ---------------------------------------------------------------------------------------------------

@dataclass
class Trouble:
    """What becomes of requests: `status` with `headers`; or `hang`, for as long as the server is there. The first
    `count` of them alone, where it is given."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    hang: bool = False
    count: int | None = None


def pod_object():
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": POD, "namespace": NAMESPACE, "uid": "5f2c8f3e-0a51-4d0e-9d3b-6a1f3c1b2a77",
                         "resourceVersion": "1", "labels": {"app": "postgres"}},
            "spec": {"containers": [{"name": "postgres", "image": "postgres:17"},
                                    {"name": "lifeboat", "image": "lifeboat:1"}]},
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": "ContainersReady", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}


class KubeApi:
    """Serves from __enter__ to __exit__. `account` is the folder that a pod has its token in, laid out as the kubelet
    does; `environment` is what the pod's processes get."""

    def __init__(self, folder, rules=ALL_RULES, host="127.0.0.1"):
        definitions()  # without them there is nothing to check with
        self.folder, self.host, self.port = Path(folder), host, free_port()
        self.account = self.folder / "serviceaccount"
        self.rules = [dict(rule) for rule in rules]
        self.tokens, self.configmaps, self.events = [], {}, {}
        self.pod = pod_object()
        self.requests = []  # (method, path without query, status), in the order of the replies
        self.hung = []  # when requests came that are not answered
        self.failures = []  # what went wrong in the server itself, or was asked by no client of ours
        self.trouble = None
        self._lock, self._over = threading.Lock(), threading.Event()
        self._versions = iter(range(2, 1 << 30))
        self._server = self._thread = None
        self.new_authority()
        self.give_account(self.new_token())

    @property
    def environment(self):
        return {"KUBERNETES_SERVICE_HOST": self.host, "KUBERNETES_SERVICE_PORT": str(self.port),
                "LIFEBOAT_SERVICE_ACCOUNT_DIR": str(self.account),
                # Nothing listens there: whoever went by it would reach nothing.
                "HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}

    # --- the pod's side ---

    def new_token(self):
        """A token that the server takes from now on. It says whose it is, as one that is bound to a pod does."""
        claims = {"sub": f"system:serviceaccount:{NAMESPACE}:default", "kubernetes.io": {
            "namespace": NAMESPACE, "serviceaccount": {"name": "default"},
            "pod": {"name": POD, "uid": self.pod["metadata"]["uid"]}}}
        parts = (json.dumps({"alg": "RS256"}), json.dumps(claims), secrets.token_hex(24))
        self.tokens.append(".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts))
        return self.tokens[-1]

    def give_account(self, token):
        """What the kubelet does: a new folder behind `..data`, exchanged at once."""
        self.account.mkdir(exist_ok=True)
        fresh = self.account / f"..{secrets.token_hex(4)}"
        fresh.mkdir()
        for name, text in {"token": token, "ca.crt": self.authority.ca_file.read_text(),
                           "namespace": NAMESPACE}.items():
            if text is not None:
                (fresh / name).write_text(text)
        link = self.account / "..data_tmp"
        link.symlink_to(fresh.name)
        os.rename(link, self.account / "..data")
        for name in ("token", "ca.crt", "namespace"):
            with contextlib.suppress(FileExistsError):
                (self.account / name).symlink_to(f"..data/{name}")

    def new_authority(self):
        """The server's certificate is of another authority from now on; see give_account."""
        place = self.folder / f"authority-{secrets.token_hex(4)}"
        place.mkdir(parents=True)
        self.authority = certificates.create(place, f"IP:{self.host}")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.authority.certificate, self.authority.key)

    # --- what stories look at and change ---

    def add_configmap(self, name="lifeboat-status", **more):
        self.configmaps[name] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": name, "namespace": NAMESPACE, "resourceVersion": "1"}, **more}
        return self

    def data(self, name="lifeboat-status"):
        return self.configmaps[name].get("data", {})

    def condition(self, kind="BackupHealthy"):
        return next((each for each in self.pod["status"]["conditions"] if each["type"] == kind), None)

    def events_of(self, reason):
        with self._lock:
            return [event for event in self.events.values() if event["reason"] == reason]

    # --- serving ---

    def __enter__(self):
        api = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            address_family = socket.AF_INET6 if ":" in api.host else socket.AF_INET

            def get_request(self):
                connection, address = super().get_request()
                return api._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, request, client_address):
                pass  # a client that hangs up

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def answer(self):
                api._answer(self)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        self._server = Server((self.host, self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._stop()

    def _stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    @contextlib.contextmanager
    def down(self):
        """Nothing listens meanwhile."""
        self._stop()
        try:
            yield
        finally:
            self.__enter__()

    def _answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        path, _, query = handler.path.partition("?")
        trouble = self._next_trouble()
        if trouble and trouble.hang:
            self.hung.append(time.monotonic())
            self._over.wait()
            handler.close_connection = True
            return
        headers = {}
        try:
            if trouble:
                headers = trouble.headers
                raise Refusal(trouble.status, "Trouble", "in trouble, as the story wants it")
            with self._lock:
                reply, status = self._serve(handler, path, query, body)
        except Refusal as refusal:
            reply, status = refusal.status, refusal.code
        except Exception as error:  # noqa: BLE001 a story has to see it
            self.failures.append(f"{handler.command} {path}: {error!r}")
            reply, status = {"kind": "Status", "message": "internal error"}, 500
        self.requests.append((handler.command, path, status))
        self._send(handler, status, reply, headers)

    def _next_trouble(self):
        with self._lock:
            trouble = self.trouble
            if trouble and trouble.count is not None:
                trouble.count -= 1
                if trouble.count < 0:
                    trouble = self.trouble = None
            return trouble

    @staticmethod
    def _send(handler, status, reply, headers):
        text = json.dumps(reply).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(text), **headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(text)

    def _serve(self, handler, path, query, body):
        if handler.headers.get("Authorization") not in [f"Bearer {token}" for token in self.tokens]:
            raise Refusal(401, "Unauthorized", "Unauthorized")
        if set(urllib.parse.parse_qs(query)) - {"fieldManager"}:
            raise Refusal(400, "BadRequest", f"unknown parameters: {query}")
        group, resource, name = self._resource_in(path)
        verb = {"PATCH": "patch", "POST": "create"}.get(handler.command, "get")
        self._authorize(verb, group, resource, name)
        try:
            sent = json.loads(body)
        except ValueError:
            raise Refusal(400, "BadRequest", "the body is no JSON") from None
        kind = handler.headers.get("Content-Type")
        accepted = [each.strip() for each in handler.headers.get("Accept", "").split(",")]
        if verb == "create":
            if kind != "application/json":
                raise Refusal(415, "UnsupportedMediaType", str(kind))
            return self._shown(self._create_event(sent), accepted), 201
        patch = {"configmaps": self._patch_configmap, "events": self._patch_event, "pods/status": self._patch_pod}
        return self._shown(patch[resource](name, sent, kind), accepted), 200

    @staticmethod
    def _resource_in(path):
        core = re.fullmatch(rf"/api/v1/namespaces/{NAMESPACE}/(configmaps|pods)/([^/]+)(/status)?", path)
        events = re.fullmatch(rf"/apis/events\.k8s\.io/v1/namespaces/{NAMESPACE}/events(?:/([^/]+))?", path)
        if core:
            return "", core[1] + (core[3] or ""), core[2]
        if events:
            return "events.k8s.io", "events", events[1]
        raise Refusal(404, "NotFound", "the server could not find the requested resource")

    def _authorize(self, verb, group, resource, name):
        for rule in self.rules:
            if (group in rule["apiGroups"] and resource in rule["resources"] and verb in rule["verbs"]
                    and name in rule.get("resourceNames", [name])):
                return
        raise Refusal(403, "Forbidden", f'{resource} "{name or ""}" is forbidden: User '
                      f'"system:serviceaccount:{NAMESPACE}:default" cannot {verb} resource "{resource}" in API group '
                      f'"{group}" in the namespace "{NAMESPACE}"')

    @staticmethod
    def _shown(made, accepted):
        if any("as=PartialObjectMetadata" in each for each in accepted[:1]):
            return {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": made["metadata"]}
        return made

    def _stored(self, made, before):
        """An object that a request changed has another version; one that it did not has the same."""
        if made != before:
            made["metadata"] = {**made["metadata"], "resourceVersion": str(next(self._versions))}
        return made

    def _patch_configmap(self, name, patch, kind):
        if name not in self.configmaps:
            raise Refusal(404, "NotFound", f'configmaps "{name}" not found')
        if kind != MERGE:
            raise Refusal(415, "UnsupportedMediaType", f"this server takes {MERGE} here")
        before = self.configmaps[name]
        made = merge_patched(before, patch)
        check_schema("ConfigMap", made)
        check_configmap(made, before)
        self.configmaps[name] = self._stored(made, before)
        return self.configmaps[name]

    def _create_event(self, event):
        check_schema("Event", event)
        if (event.get("apiVersion"), event.get("kind")) != ("events.k8s.io/v1", "Event"):
            raise Refusal(400, "BadRequest", "the object is no Event of events.k8s.io/v1")
        check_event(event, NAMESPACE)
        name = event["metadata"]["name"]
        if name in self.events:
            raise Refusal(409, "AlreadyExists", f'events.events.k8s.io "{name}" already exists')
        self.events[name] = self._stored(event, None)
        return self.events[name]

    def _patch_event(self, name, patch, kind):
        if name not in self.events:
            raise Refusal(404, "NotFound", f'events.events.k8s.io "{name}" not found')
        if kind != MERGE:
            raise Refusal(415, "UnsupportedMediaType", f"this server takes {MERGE} here")
        before = self.events[name]
        made = merge_patched(before, patch)
        check_schema("Event", made)
        check_series(made, before)
        self.events[name] = self._stored(made, before)
        return self.events[name]

    def _patch_pod(self, name, patch, kind):
        if name != self.pod["metadata"]["name"]:
            raise Refusal(404, "NotFound", f'pods "{name}" not found')
        if kind != STRATEGIC:
            raise Refusal(415, "UnsupportedMediaType", f"this server takes {STRATEGIC} here")
        made = strategically_patched(self.pod, patch)
        check_schema("Pod", made)
        check_conditions(made)
        if made["metadata"]["labels"] != self.pod["metadata"]["labels"] or made["spec"] != self.pod["spec"]:
            self.failures.append("a report touched more of the pod than its conditions")
        self.pod = self._stored(made, self.pod)
        return self.pod
