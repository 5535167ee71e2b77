"""Program of `test_two_nodes.py`, started by torchrun on each of two nodes: several runs, one after the other.

    torchrun ... -m tests.scripts.runs.of_each_node FILE

FILE holds a list of runs as JSON: the folder, the overrides, whether to resume, and the port at which they meet.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from scripts.config.composing import compose
from scripts.console import logs
from scripts.runs import training
from scripts.runs.folder import RunFolder


def main() -> None:
    logs.quiet_lightning()
    for run in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        os.environ["MASTER_PORT"] = str(run["port"])
        os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "False"  # each run has a store of its own
        training.train(compose(*run["overrides"]), RunFolder(Path(run["folder"])), [], resume=run["resume"])


if __name__ == "__main__":
    main()
