"""Peak memory and processor time of a process and its children, sampled while it runs."""

from __future__ import annotations

import subprocess
import threading
import time
from types import TracebackType

import psutil


class MemoryWatch:
    """
    `with MemoryWatch(process) as memory: …`; afterwards `memory.peak_mib`, `memory.processor`.

    Processor time is sampled, too: a child that nobody waits for, as Java under pyspark, is in no
    account of the operating system's.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.peak_mib = 0.0
        self._seconds: dict[int, float] = {}
        self._process = process
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.wait()
        self._thread.join()

    @property
    def processor(self) -> float:
        """Seconds of the processor, in user and system mode, of all processes seen."""
        return sum(self._seconds.values())

    def _sample(self) -> None:
        parent = psutil.Process(self._process.pid)
        while self._process.poll() is None:
            try:
                family = [parent, *parent.children(recursive=True)]
                used = sum(process.memory_info().rss for process in family) / 2**20
                self.peak_mib = max(self.peak_mib, used)
                for process in family:
                    times = process.cpu_times()
                    self._seconds[process.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                pass
            time.sleep(0.05)
