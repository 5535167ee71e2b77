"""The commands, and the packages that they are made of."""

import lightning_modules  # noqa: F401  before anything here imports pytorch_lightning
