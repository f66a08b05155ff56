"""To be imported in the process that workers branch off, and there alone: loads what they need.

None of it is ever garbage: not to look for any while loading saves a fifth of the time, and not to look there later a
tenth of that of the checks.
"""

import gc
import importlib

gc.disable()

from pipeline import build, checks  # noqa: E402, F401

importlib.import_module(checks.LIBRARY)
gc.freeze()
gc.enable()
