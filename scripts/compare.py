"""Compare runs: which configuration is best, by how much, and is it real?

The command, with its options and examples, is scripts/compare/command.py.
"""

from scripts.compare.command import main
from scripts.console import errors, logs

if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
