"""Small whole programs, each run plainly and under `lockcheck run`, by name.

What they print must be the same.  Where `CHECKED` has an entry for one, a line of the checked run's
stderr must match it; `NEVER_CLEAN` may not be called clean.

Left out: finalisers at the end of a program that starts no thread but waits, on a free-threaded
3.13.  Once any thread was started it keeps classes, and what they refer to, for ever; the watchdog
is one.
"""

from __future__ import annotations

from textwrap import dedent

__all__ = ["CHECKED", "NEVER_CLEAN", "PROGRAMS"]

_TEXTS = {
    "nobody is there but the program's own threads": """
        import threading
        print(threading.active_count(), [t.name for t in threading.enumerate()])
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join()
    """,
    "threads are counted and listed without ours": """
        import _thread, sys, threading
        go, begun = threading.Event(), threading.Event()
        def body():
            begun.set()
            go.wait()
        thread = threading.Thread(target=body)
        thread.start()
        begun.wait()
        threading.Event().wait(0.3)
        print(_thread._count(), set(sys._current_frames()) == {thread.ident, threading.get_ident()})
        print(len(getattr(sys, "_current_exceptions", dict)()))
        go.set()
        thread.join()
    """,
    "the main module is as the interpreter makes it": """
        print(type(__builtins__).__name__, __builtins__.len([1]))
        print(sorted(name for name in globals() if name.startswith("__")))
        print(__file__, __spec__, __package__, type(__loader__).__name__, __loader__.path)
    """,
    "a thread's attributes are its author's": """
        import copy, pickle, threading
        class Body(threading.Thread):
            def run(self):
                print(sorted(vars(self)) == names, self.run.__name__, repr(self._started)[:17])
        thread = Body()
        names = sorted(vars(thread))
        print(names)
        for way in (pickle.dumps, copy.deepcopy, lambda x: pickle.dumps(x, 0)):
            try:
                print(way(threading.Thread()))
            except Exception as error:
                print(type(error).__name__, error)
        thread.start()
        thread.join()
        thread = threading.Thread()
        thread.run = body = lambda: print(thread.run is body)
        thread.start()
        thread.join()
    """,
    "tracebacks show no function of ours": """
        import concurrent.futures as cf, logging, os, signal, sys, threading, traceback
        def fails(*_):
            raise ValueError("mine")
        def shown(call, *args):
            try:
                call(*args)
            except BaseException:
                print(traceback.format_exc())
        sys.stderr = sys.stdout
        for body in (threading.Thread(target=fails), threading.Timer(0, fails)):
            body.name = "one"
            body.start()
            body.join()
        shown(threading.Thread, 1)
        with cf.ThreadPoolExecutor(1) as pool:
            future = pool.submit(fails)
            cf.wait([future])
            shown(future.result)
            print("".join(traceback.format_exception(future.exception())))
            shown(list, pool.map(fails, [1]))
        logging.basicConfig(format="%(name)s")
        future.add_done_callback(fails)
        def struck():
            os.kill(os.getpid(), signal.SIGUSR1)
            for _ in range(1000): pass
        for handler in (fails, signal.default_int_handler):
            signal.signal(signal.SIGUSR1, handler)
            shown(struck)
        shown(signal.signal)
    """,
    "classes of the program's that can be pickled and copied": """
        import copy, pickle, queue, threading
        ways = [lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy]
        def subclasses(base, *args):
            class State(base):
                def __init__(self):
                    super().__init__(*args)
                    self.x = 1
                def __getstate__(self):
                    return {"x": self.x}
                def __setstate__(self, state):
                    self.__init__()
                    self.x = state["x"] + 1
            class Reduce(base):
                def __init__(self, x=5):
                    super().__init__(*args)
                    self.x = x
                def __reduce__(self):
                    return type(self), (self.x + 1,)
            class Copied(base):
                def __init__(self):
                    super().__init__(*args)
                def __copy__(self):
                    return "copied"
                def __deepcopy__(self, memo):
                    return "deeply"
            for cls in (State, Reduce):
                cls.__name__ = cls.__qualname__ = cls.__name__ + base.__name__
                globals()[cls.__name__] = cls
                print([(type(way(cls())).__name__, way(cls()).x) for way in ways])
            print(copy.copy(Copied()), copy.deepcopy(Copied()))
        for base, *args in (
            (threading.Condition,), (threading.Event,), (threading.Semaphore,),
            (threading.BoundedSemaphore,), (threading.Barrier, 2), (queue.Queue,),
            (queue.LifoQueue,), (queue.PriorityQueue,), (queue.SimpleQueue,),
            (threading.Thread,), (type(threading.RLock()),),
        ):
            subclasses(base, *args)
    """,
    "a condition whose lock has no owner": """
        import threading
        lock = threading.Lock()
        condition = threading.Condition(lock)
        def told(call, *args):
            try:
                print(call(*args))
            except RuntimeError as error:
                print(error)
        def notify():
            told(condition.notify)
            told(condition.notify_all)
        notify()
        told(condition.wait, 0)
        told(condition.wait_for, bool, 0)
        told(condition.wait_for, lambda: 3, 0)
        lock.acquire()
        thread = threading.Thread(target=notify)
        thread.start()
        thread.join()
        print(lock.locked())
        lock.release()
    """,
    "times that are too long to wait": """
        import queue, threading
        def told(call, *args, **kwargs):
            try:
                print(call(*args, **kwargs))
            except OverflowError as error:
                print(error)
        held = threading.Condition()
        held.acquire()
        for long in (1 << 70, 1e300, threading.TIMEOUT_MAX * 2):
            told(threading.Event().wait, long)
            told(held.wait, long)
            told(threading.Semaphore(0).acquire, timeout=long)
            told(threading.Barrier(2).wait, long)
            told(queue.SimpleQueue().get, timeout=long)
            thread = threading.Thread(target=threading.Event().wait, daemon=True)
            thread.start()
            told(thread.join, long)
            event = threading.Event()
            event.set()
            told(event.wait, long)
        held.release()
    """,
    "threads that wait for the end of the main one": """
        import atexit, threading, time
        main = threading.main_thread()
        def starts():
            try:
                threading.Thread(target=int).start()
            except RuntimeError as error:
                return str(error)
        def joins():
            main.join()
            print(main.is_alive(), starts())
            try:
                threading._register_atexit(print)
            except RuntimeError as error:
                print(error)
            timed.start() if starts() is None else print("timed")
        def polls():
            while main.is_alive():
                time.sleep(0)  # gives way while it asks
            thread.start() if starts() is None else joins()
        timed = threading.Thread(target=lambda: print(main.join(30) or "timed"))
        thread = threading.Thread(target=joins)
        threading.Thread(target=polls).start()
        atexit.register(lambda: print(main.is_alive(), threading.current_thread() is main))
        print(main.is_alive())
    """,
    "a lock that the main thread releases in an exit function": """
        import atexit, threading, time
        lock, go = threading.Lock(), threading.Event()
        waiter = threading.Thread(target=go.wait, daemon=True)
        waiter.start()
        lock.acquire()
        @atexit.register
        def end():
            time.sleep(0.4)  # a watchdog would look several times
            print(lock.locked(), lock.release(), go.set(), waiter.join())
    """,
    "it waits until it is alone": """
        import threading
        threads = [threading.Thread(target=int) for _ in range(3)]
        for thread in threads: thread.start()
        while threading.active_count() > 1: pass
        print([t.name for t in threading.enumerate()], threading.main_thread().name)
    """,
    "locks that the checker does not see": """
        import _thread
        a, b = _thread.allocate_lock(), _thread.allocate_lock()
        with a, b: print(a.locked(), type(a).__name__, isinstance(b, _thread.LockType))
    """,
    "a thread left behind by a fork can be joined": """
        import os, threading
        event = threading.Event()
        thread = threading.Thread(target=event.wait)
        thread.start()
        child = os.fork()
        if child == 0:
            thread.join()
            print(thread.is_alive(), threading.active_count(), flush=True)
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        event.set()
        thread.join()
    """,
    "a forked child leaves as any program does": """
        import atexit, os, sys, threading, warnings
        warnings.simplefilter("ignore")
        event = threading.Event()
        thread = threading.Thread(target=event.wait)
        thread.start()
        child = os.fork()
        if child == 0:
            atexit.register(print, "the child's last words", threading.active_count())
            sys.exit(4)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        event.set()
        thread.join()
    """,
    "a class of the program's on the type of a re-entrant lock": """
        import threading
        class Named(type(threading.RLock())):
            def __init__(self, title):
                super().__init__()
                self.title = title
            def both(self):
                return self.acquire(), self.acquire(False), self.release(), self.release()
        lock = Named("mine")
        print(type(lock).__name__, lock.title, lock.both(), lock._is_owned())
        condition = threading.Condition(lock)
        with condition:
            condition.notify_all()
        lock.acquire()
        print(lock.__exit__(None, None, None), lock._is_owned())
    """,
    "a warning names the line that asks for it": """
        import threading, warnings
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                threading.RLock(1)
            except TypeError as error:
                print(error)
        print([(each.category.__name__, each.filename == __file__) for each in said])
    """,
    "a re-entrant lock where the stack is full": """
        import sys, threading
        lock = threading.RLock()
        deepest = 0
        def again(depth):
            global deepest
            deepest = depth
            with lock:
                again(depth + 1)
        for limit in range(150, 160):
            sys.setrecursionlimit(limit)
            try:
                again(0)
            except RecursionError:
                sys.setrecursionlimit(1000)
                print(deepest > 10, lock._is_owned())
    """,
    "a thread pool beside a pool of forked processes": """
        import concurrent.futures as cf, multiprocessing as mp
        with cf.ThreadPoolExecutor(3) as threads:
            print(list(threads.map(abs, range(-5, 0))))
            with cf.ProcessPoolExecutor(2, mp_context=mp.get_context("fork")) as processes:
                print(list(processes.map(abs, range(-5, 0))))
    """,
    "a pool of interpreters": """
        import concurrent.futures as cf
        if not hasattr(cf, "InterpreterPoolExecutor"):
            print([1, 2], 7)
        else:
            with cf.InterpreterPoolExecutor(2, initializer=int) as pool:
                print(list(pool.map(abs, [-1, -2])), pool.submit(divmod, 15, 8).result()[1])
    """,
    "an interrupt is caught by the try around the call": """
        import random, signal, threading, time
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        chance = random.Random(1)
        def once():
            lock, reentrant = threading.Lock(), threading.RLock()
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 1e-3))
                while True:
                    with lock: pass
                    with reentrant: pass
            except KeyboardInterrupt:
                return True
        print(sum(once() for _ in range(100)))
    """,
    "an interrupt at the very end of an acquire": """
        import signal, threading
        lock = threading.Lock()
        caught = 0
        class Strikes:
            def __bool__(self):
                signal.raise_signal(signal.SIGINT)
                return True
            __index__ = __bool__
        for _ in range(50):
            try:
                lock.acquire(Strikes())
            except KeyboardInterrupt:
                caught += 1
            if lock.locked():
                lock.release()
        print(caught)
    """,
    "a file whose name is no text": """
        import os
        text = (
            "import threading\\n"
            "a, b = threading.Lock(), threading.Lock()\\n"
            "turn = [False]\\n"
            "def other():\\n"
            "    while not turn[0]: pass\\n"
            "    with b, a: pass\\n"
            "thread = threading.Thread(target=other)\\n"
            "thread.start()\\n"
            "with a, b: pass\\n"
            "turn[0] = True\\n"
            "thread.join()\\n"
            "print('over')\\n"
        )
        exec(compile(text, os.fsdecode(b"caf\\xe9.py"), "exec"), {"__name__": "cafe"})
    """,
    "a handler puts into the queue that its thread gets from": """
        import os, queue, signal
        items = queue.Queue()
        signal.signal(signal.SIGUSR1, lambda *_: items.put(1))
        for _ in range(20):
            os.kill(os.getpid(), signal.SIGUSR1)
            items.get()
        print(items.qsize())
    """,
    "a finaliser at the very end": """
        import threading
        first = threading.Thread(target=int)
        first.start(); first.join()
        a, b = threading.Lock(), threading.RLock()
        class Last:
            def __del__(self):
                with a, b: pass
                threading.Event().set()
                with threading.Semaphore(): pass
                print("finalised")
        kept = Last()
        kept.me = kept
    """,
    "a finaliser of the last object takes what was never taken": """
        import threading
        class Last:
            def __init__(self):
                self.lock, self.condition = threading.Lock(), threading.Condition()
            def __del__(self):
                with self.lock, self.condition:
                    self.condition.notify_all()
                    print("the last one", self.lock.locked())
        last = Last()
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    """,
    "SIGTERM ends it, by that signal": """
        import os, signal, threading
        never = threading.Event()
        print(signal.getsignal(signal.SIGTERM), flush=True)
        threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGTERM), daemon=True).start()
        never.wait()
    """,
    "SIGTERM ends a child": """
        import multiprocessing as mp, os, signal, threading
        def child(ready):
            ready.set()
            threading.Event().wait()
        context = mp.get_context("fork")
        ready = context.Event()
        process = context.Process(target=child, args=(ready,))
        process.start()
        ready.wait()
        process.terminate()
        process.join()
        print(process.exitcode)
    """,
    "SIGTERM ends a child in its first instructions": """
        import os, signal
        def ended():
            pid = os.fork()
            if not pid:
                signal.alarm(10)
                signal.pause()
            os.kill(pid, signal.SIGTERM)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print({ended() for _ in range(20)}, signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    """,
    "daemon threads wait for locks of every kind": """
        import _thread, multiprocessing, threading
        gone, foreign = threading.Lock(), _thread.allocate_lock()
        shared = multiprocessing.get_context("fork").Lock()
        first = threading.Thread(target=gone.acquire)
        first.start(); first.join()
        foreign.acquire(); shared.acquire()
        def wait(lock):
            with lock: pass
        begun = []
        for lock in (gone, foreign, shared):
            event = threading.Event(); begun.append(event)
            threading.Thread(target=lambda l=lock, e=event: (e.set(), wait(l)), daemon=True).start()
        for event in begun: event.wait()
        import sys
        def waits(frame):
            while frame is not None and frame.f_code is not wait.__code__:
                frame = frame.f_back
            return frame is not None
        while sum(map(waits, sys._current_frames().values())) < 3: pass
        print("over")
    """,
    "multiprocessing's objects serve threads and processes": """
        import multiprocessing, queue, threading
        context = multiprocessing.get_context("fork")
        condition, event, units = context.Condition(), context.Event(), context.Semaphore(2)
        items, done, barrier = context.Queue(2), context.JoinableQueue(), context.Barrier(2)
        got, ready = [], []
        def consume():
            barrier.wait()
            while (item := items.get()) is not None:
                with units: got.append(item)
        def wait():
            with condition:
                while not ready: condition.wait()
            event.wait()
        def work():
            while done.get() is not None: done.task_done()
            done.task_done()
        threads = [threading.Thread(target=body) for body in (consume, wait, wait, work)]
        for thread in threads: thread.start()
        barrier.wait()
        for item in [*range(10), None]: items.put(item)
        for item in (1, 2, None): done.put(item)
        done.join()
        with condition:
            ready.append(1)
            condition.notify_all()
        event.set()
        for thread in threads: thread.join()
        try: items.get(timeout=0.01)
        except queue.Empty: print("empty")
        event.clear()
        def child(): event.wait(); items.put("from the child"); units.release()
        process = context.Process(target=child)
        process.start(); event.set(); print(items.get()); process.join()
        print(got, [units.acquire(timeout=0.01) for _ in range(4)], event.is_set(), repr(units))
        with context.Pool(2) as pool: print(pool.map(abs, [-1, -2]))
        print(items.get.__name__, condition.notify.__qualname__)
    """,
    "arguments that multiprocessing's locks refuse": """
        import multiprocessing, threading
        def told(call, *args, **kwargs):
            try:
                print(call(*args, **kwargs))
            except Exception as error:
                print(type(error).__name__, error)
        for make in (multiprocessing.Lock, multiprocessing.RLock, multiprocessing.Semaphore):
            told(make().acquire, "x")
            told(make().acquire, timeout="x")
            told(make().acquire, None)
            told(make().acquire, True, -1)
        told(multiprocessing.Semaphore(0).acquire, timeout="x")
        thread = threading.Thread(target=int)
        thread.start()
        told(thread.join, "x")
        told(thread.join, -1)
    """,
    "multiprocessing's units in one order": """
        import multiprocessing, threading
        context = multiprocessing.get_context("fork")
        a, b = context.BoundedSemaphore(1), threading.Lock()
        turn = [False]
        def other():
            while not turn[0]: pass
            with b, a: pass
        thread = threading.Thread(target=other)
        thread.start()
        with a, b: pass
        turn[0] = True
        thread.join()
    """,
    "multiprocessing's locks exclude threads in one order": """
        import multiprocessing, threading
        context = multiprocessing.get_context("fork")
        a, b, t = context.Lock(), context.RLock(), threading.Lock()
        turn = [False]
        def other():
            while not turn[0]: pass
            with b, t, a: pass
        thread = threading.Thread(target=other)
        thread.start()
        with a, b, b, t: pass
        turn[0] = True
        thread.join()
        print(a.acquire(False), a.acquire(False), a.acquire(timeout=0.01), a.release(), repr(b))
        queue = context.Queue()
        queue.put(1)
        print(queue.get())
    """,
}  # fmt: skip

PROGRAMS = {name: dedent(text) for name, text in _TEXTS.items()}
CHECKED = {
    "a handler puts into the queue that its thread gets from": r"signal context inversion",
    "a file whose name is no text": r"possible circular locking",
    "SIGTERM ends it, by that signal": r"lockcheck: undecided, terminated",
    "daemon threads wait for locks of every kind": r"[1-3] threads? still waiting .*not checked",
    "locks that the checker does not see": r"lockcheck: clean \(.*; 2 locks of _thread not checked",
    "multiprocessing's units in one order": r"possible circular locking",
    "multiprocessing's locks exclude threads in one order": r"possible circular locking",
}
NEVER_CLEAN = frozenset(CHECKED) - {"locks that the checker does not see"}
