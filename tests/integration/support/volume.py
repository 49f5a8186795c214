"""A Secret or ConfigMap as the kubelet mounts it: each name is a link through `..data`, which is exchanged in one step."""

import itertools
import shutil


class Volume:
    def __init__(self, folder, **content):
        self.folder = folder
        self._times = itertools.count(1)
        folder.mkdir()
        self.put(**content)

    def path(self, name):
        return str(self.folder / name)

    def put(self, **content):
        """The same steps in the same order as the kubelet's: a new folder, new names, the exchange, the end of the old."""
        new = self.folder / f"..2026_11_22_02_17_{next(self._times):02}.123456789"
        new.mkdir()
        for name, text in content.items():
            (new / name).write_text(text + "\n")
        for name in content:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        data = self.folder / "..data"
        old = data.resolve() if data.is_symlink() else None
        (self.folder / "..data_tmp").symlink_to(new.name)
        (self.folder / "..data_tmp").replace(data)
        if old:
            shutil.rmtree(old)
