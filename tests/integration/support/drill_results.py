"""Results of drills as they lie in a folder store, by the documented format alone (docs/drill.md)."""

import json
import os
from datetime import datetime, timedelta, timezone

UTC_TEXT = "%Y-%m-%dT%H:%M:%SZ"


def days_ago(days):
    return datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=days)


def put_drill(workspace, backup_id, when, *, passed=True, recipient=None, **fields):
    """Lets a drill of the backup have ended at that time, by the clock of whoever drilled and by the store's."""
    result = {"format": "lifeboat-drill/1", "backup": backup_id, "instance": workspace.store.instance,
              "started": when.strftime(UTC_TEXT), "finished": when.strftime(UTC_TEXT),
              "outcome": "passed" if passed else "failed", "writer": {"lifeboat": "9.9.9"},
              "server": {"version": "15.20"}, "recipients": [recipient or workspace.key.recipient], "bytes": 1000,
              "differences": {} if passed else {"rows": 2, "entry": 1}, "checks": {"passed": 1, "failed": 0},
              "seconds": {"fetch": 0.5, "restore": 61.5, "compare": 1.0}, **fields}
    folder = workspace.store.folder / workspace.store.instance / "drills" / backup_id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{when.strftime('%Y%m%dT%H%M%SZ')}.json"
    path.write_text(json.dumps(result))
    os.utime(path, (when.timestamp(), when.timestamp()))
    return path
