"""To be imported in the process that workers branch off, and there alone: loads what they need.

None of it is ever garbage: not to look for any while loading saves a fifth of the time, and not to look there later a
tenth of that of the checks.
"""

import gc

gc.disable()

import great_expectations  # noqa: E402, F401

from pipeline import build  # noqa: E402, F401

gc.freeze()
gc.enable()
