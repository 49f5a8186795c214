"""Age key pairs made by Debian's age-keygen, so that no test leans on Lifeboat's own keygen."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AgeKey:
    """An identity file and the recipient that belongs to it."""

    file: Path
    recipient: str

    @property
    def secret(self):
        return next(line for line in self.file.read_text().split("\n") if line.startswith("AGE-SECRET-KEY-"))

    @classmethod
    def create(cls, file):
        subprocess.run(["age-keygen", "-o", str(file)], check=True, capture_output=True, timeout=30)
        shown = subprocess.run(["age-keygen", "-y", str(file)], check=True, capture_output=True, text=True, timeout=30)
        return cls(Path(file), shown.stdout.strip())
