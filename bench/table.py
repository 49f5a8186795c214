"""Measurements to tables: medians, and their ratios to the ones of the same run that they are compared with."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Measurement:
    """One run of one contestant's backup or restore."""

    wall: float  # seconds
    cpu: float  # seconds, user and system, of all client processes
    peak: int  # bytes, of the process that had the most
    peak_program: str
    stored: int = 0  # bytes
    processes: tuple = ()  # as meter.py gives them


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _ratio(value, base):
    return f"{value / base:.2f}" if base else ""


class Medians:
    """Of one contestant's measurements, each figure on its own."""

    def __init__(self, measurements):
        walls = [measurement.wall for measurement in measurements]
        self.wall, self.fastest, self.slowest = median(walls), min(walls), max(walls)
        self.cpu = median(measurement.cpu for measurement in measurements)
        self.peak = median(measurement.peak for measurement in measurements)
        self.peak_program = max(measurements, key=lambda measurement: measurement.peak).peak_program
        self.stored = median(measurement.stored for measurement in measurements)


def backups(contestants, results):
    """The lines of the table. `results` holds the measurements by contestant's key."""
    medians = {key: Medians(measured) for key, measured in results.items()}
    limit, pipe = medians.get("a"), medians.get("b")
    lines = [_row(["backup", "wall, s", "fastest to slowest", "× (a)", "× (b)", "client CPU, s", "× (b)",
                   "peak, MiB", "of", "stored, MB", "× (b)"]),
             _row(["---", *["--:"] * 7, "---", "--:", "--:"])]
    for key, found in medians.items():
        stored = contestants[key].stores
        lines.append(_row([
            f"({key}) `{contestants[key].shown}`", f"{found.wall:.2f}", f"{found.fastest:.2f} to {found.slowest:.2f}",
            _ratio(found.wall, limit and limit.wall), _ratio(found.wall, pipe and pipe.wall),
            f"{found.cpu:.2f}", _ratio(found.cpu, pipe and pipe.cpu),
            f"{found.peak / 2**20:.0f}", found.peak_program,
            f"{found.stored / 1e6:.1f}" if stored else "", _ratio(found.stored, pipe and pipe.stored) if stored else ""]))
    return [lines[0], lines[1], *(_escaped(line) for line in lines[2:])]


def restores(contestants, results):
    medians = {key: Medians(measured) for key, measured in results.items()}
    pipe = medians.get("b")
    lines = [_row(["way back", "wall, s", "fastest to slowest", "× (b)", "client CPU, s", "× (b)", "peak, MiB", "of"]),
             _row(["---", *["--:"] * 6, "---"])]
    for key, found in medians.items():
        lines.append(_row([
            f"({key}) `{contestants[key].shown_back}`", f"{found.wall:.2f}",
            f"{found.fastest:.2f} to {found.slowest:.2f}", _ratio(found.wall, pipe and pipe.wall), f"{found.cpu:.2f}",
            _ratio(found.cpu, pipe and pipe.cpu), f"{found.peak / 2**20:.0f}", found.peak_program]))
    return [lines[0], lines[1], *(_escaped(line) for line in lines[2:])]


def _escaped(line):
    """A bar inside of backquotes would end the cell."""
    before, command, after = line.split("`")
    return "`".join([before, command.replace("|", "\\|"), after])
