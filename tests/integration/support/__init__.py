"""What the stories stand on: real servers, the real program, and independent ways to look at what it did."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
