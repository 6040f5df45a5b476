"""Serves MODULE:CALLABLE on a port with cheroot: `python cheroot_server.py PORT MODULE:CALLABLE`."""

import importlib
import sys

from cheroot.wsgi import Server

port, (module, _, name) = int(sys.argv[1]), sys.argv[2].partition(":")
Server(("127.0.0.1", port), eval(name, vars(importlib.import_module(module))), numthreads=4).start()  # noqa: S307
