"""Export a finished run to a folder that runs without this project.

The command, with its options and examples, is scripts/export/command.py.
"""

from scripts.console import errors, logs
from scripts.export.command import main

if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
