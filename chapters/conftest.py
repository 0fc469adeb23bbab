"""Make `pytest --nbval chapters/NAME.ipynb` strict about pictures too, in the environment of every run.

nbval leaves PNG outputs out of its comparison. Here each picture is compared by its pixels, unless
MLBOOK_PIXELS=0 says that this is not the locked set of libraries (another matplotlib draws differently;
what the picture says, its alternative text, is still compared).
"""

from __future__ import annotations

import os

import nbval.plugin as nbval
from nbformat import NotebookNode
from notebooks import ENVIRONMENT, PNG, by_pixels

os.environ.update(ENVIRONMENT)  # the kernels inherit it
COMPARED = os.environ.get("MLBOOK_PIXELS", "1") != "0"

_nbval_init = nbval.IPyNbFile.__init__
_nbval_compare = nbval.IPyNbCell.compare_outputs


def _digested(outputs: list[NotebookNode]) -> list[NotebookNode]:
    return [
        NotebookNode({**output, "data": by_pixels(output["data"], COMPARED)})
        if "data" in output
        else output
        for output in outputs
    ]


def _init(self, *args, **kwargs):
    _nbval_init(self, *args, **kwargs)
    self.skip_compare = tuple(key for key in self.skip_compare if key != PNG)


def _compare(self, test, ref, skip_compare=None):
    return _nbval_compare(self, _digested(test), _digested(ref), skip_compare)


nbval.IPyNbFile.__init__ = _init
nbval.IPyNbCell.compare_outputs = _compare
