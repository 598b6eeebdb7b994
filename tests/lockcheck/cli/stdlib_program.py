"""Real multi-threaded programs of the standard library, in one process; ends with status 3."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import http.server
import logging
import logging.handlers
import multiprocessing.pool
import queue
import socketserver
import sys
import tempfile
import threading
import urllib.request


def run_all(*threads: threading.Thread) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def futures() -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(abs, range(50))) == sum(range(50))
        done, _ = concurrent.futures.wait([pool.submit(pow, 2, n) for n in range(20)])
        assert len(done) == 20
        for future in concurrent.futures.as_completed([pool.submit(abs, n) for n in range(9)]):
            future.result()
        assert isinstance(pool.submit(lambda: 1 // 0).exception(), ZeroDivisionError)
    dropped = concurrent.futures.ThreadPoolExecutor(2)
    dropped.submit(abs, 1)
    del dropped
    gc.collect()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        logging.getLogger("web").info("%s", args)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = False


def web() -> None:
    server = Server(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    url = f"http://127.0.0.1:{server.server_port}/"

    def get() -> None:
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"ok"

    run_all(*[threading.Thread(target=get) for _ in range(8)])
    server.shutdown()
    serving.join()
    server.server_close()


def logs() -> None:
    log = logging.Logger("many")
    with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
        target = logging.FileHandler(file.name)
        buffered = logging.handlers.MemoryHandler(10, target=target)
        line: queue.Queue[object] = queue.Queue()
        listener = logging.handlers.QueueListener(line, logging.NullHandler())
        log.addHandler(buffered)
        log.addHandler(logging.handlers.QueueHandler(line))
        listener.start()

        def write(number: int) -> None:
            for turn in range(30):
                log.info("%d %d", number, turn)

        run_all(*[threading.Thread(target=write, args=(n,)) for n in range(4)])
        listener.stop()
        buffered.close()
        target.close()


def queues() -> None:
    line: queue.Queue[int | None] = queue.Queue(3)
    seen: list[int] = []

    def produce() -> None:
        for number in range(40):
            line.put(number)
        line.put(None)

    def consume() -> None:
        while (item := line.get()) is not None:
            seen.append(item)
            line.task_done()
        line.task_done()

    run_all(threading.Thread(target=produce), threading.Thread(target=consume))
    line.join()
    assert seen == list(range(40))


def several() -> None:
    async def main() -> None:
        jobs = (asyncio.to_thread(abs, n) for n in range(20))
        assert await asyncio.gather(*jobs) == list(range(20))

    asyncio.run(main())
    barrier, arrived = threading.Barrier(3), []
    run_all(*[threading.Thread(target=lambda: arrived.append(barrier.wait())) for _ in range(3)])
    assert sorted(arrived) == [0, 1, 2]
    event = threading.Event()
    timer = threading.Timer(0.01, event.set)
    timer.start()
    assert event.wait(30)
    timer.join()
    with multiprocessing.pool.ThreadPool(3) as pool:
        assert pool.map(abs, [-1, -2, 3]) == [1, 2, 3]


if __name__ == "__main__":
    for part in (futures, web, logs, queues, several):
        part()
        print(part.__name__)
    sys.exit(3)
