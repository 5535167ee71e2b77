"""Answer with a finished run; its folder is all that is needed.

The command, with its options and examples, is scripts/predict/command.py.
"""

from scripts.console import errors, logs
from scripts.predict.command import main

if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
