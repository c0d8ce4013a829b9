"""A child that does on request what children of the real world do by accident."""

import ctypes
import os
import signal
import sys
import time

from runtime.compute.worker import serve
from runtime.errors import UnreadableDocumentError
from schemas.problem import Flaw


def handle(request):
    match request["do"]:
        case "count":
            for number in range(request["to"]):
                yield {"number": number, "pid": os.getpid()}
        case "environment":
            yield {"names": sorted(os.environ)}
        case "print":
            print("noise on stdout", flush=True)
            ctypes.CDLL(None).puts(b"noise from C")
            ctypes.CDLL(None).fflush(None)
            yield {"stdin": sys.stdin.read()}
        case "refuse":
            raise UnreadableDocumentError("page 3 is torn", flaws=[Flaw(pointer="/page", detail="torn")])
        case "trip":
            raise ZeroDivisionError("oh no")
        case "hoard":
            hoard = [bytearray(8 * 1024 * 1024)]
            while True:
                hoard.append(bytearray(8 * 1024 * 1024))
        case "spin":
            yield {"pid": os.getpid()}
            while True:
                pass
        case "sleep":
            yield {"pid": os.getpid()}
            time.sleep(600)
        case "work":
            until = time.process_time() + request["seconds"]
            while time.process_time() < until:
                pass
            yield {"pid": os.getpid()}
        case "die":
            os.kill(os.getpid(), getattr(signal, request["by"]))
        case "leave":
            os._exit(7)


if __name__ == "__main__":
    serve(handle)
