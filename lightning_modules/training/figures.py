"""Figures for every logger that has a method for images, whatever its arguments are called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

#: Methods for images: of the logger (Weights & Biases), then of its experiment (TensorBoard, MLflow, Comet ...).
METHODS = ("log_image", "add_image", "log_figure", "add_figure")


class RenderedFigure:
    """A figure of matplotlib, or pixels (H, W, 3) uint8; drawn once, for the first logger that takes pixels."""

    def __init__(self, figure: Any) -> None:
        self.figure = figure
        self._pixels: np.ndarray | None = None

    @property
    def pixels(self) -> np.ndarray:
        if self._pixels is None:
            self._pixels = pixels(self.figure)
        return self._pixels


def log_figure(logger: Any, name: str, figure: RenderedFigure, step: int) -> bool:
    """Give a figure to a logger by its method for images; False where it has none.

    What a method is given follows from the names of its parameters, so that `log_image(key, images, step)` of
    Lightning's WandbLogger, `add_image(tag, img_tensor, global_step)` of TensorBoard, `log_image(run_id, image,
    artifact_file)` of MLflow and other loggers are all served.
    """
    for owner in (logger, getattr(logger, "experiment", None)):
        for method_name in METHODS:
            method = getattr(owner, method_name, None)
            arguments = None if method is None else _arguments(method, logger, name, figure, step)
            if method is not None and arguments is not None:
                method(**arguments)
                return True
    return False


def _arguments(method: Callable, logger: Any, name: str, figure: RenderedFigure, step: int) -> dict[str, Any] | None:
    """The arguments for a method, by name; None where it needs one that is not known, or takes no figure by name."""
    try:
        parameters = inspect.signature(method).parameters
    except (TypeError, ValueError):  # of compiled code
        return None
    images: dict[str, Callable[[], Any]] = {
        **dict.fromkeys(("image", "img", "img_tensor", "image_data", "picture", "pixels"), lambda: figure.pixels),
        "images": lambda: [figure.pixels],
    }
    images |= dict.fromkeys(("figure", "fig"), lambda: matplotlib_figure(figure.figure))
    known = {
        **images,
        **dict.fromkeys(("key", "name", "tag", "image_name", "figure_name", "title"), lambda: name),
        **dict.fromkeys(("step", "global_step"), lambda: step),
        "dataformats": lambda: "HWC",
        "run_id": lambda: logger.run_id,
        "artifact_file": lambda: f"figures/{name}/{step}.png",
    }
    if "artifact_file" in parameters:  # of MLflow, where it stands in place of key and step
        known = {parameter: get for parameter, get in known.items() if parameter not in ("key", "step")}
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = {parameter: value for parameter, value in parameters.items() if value.kind not in kinds}
    needed = {parameter for parameter, value in named.items() if value.default is inspect.Parameter.empty}
    if not needed <= known.keys() or not named.keys() & images.keys():
        return None
    return {parameter: known[parameter]() for parameter in named if parameter in known}


def matplotlib_figure(figure: Any) -> Any:
    """A figure of matplotlib as it is; one that shows pixels (H, W, 3) uint8."""
    if not isinstance(figure, np.ndarray):
        return figure
    from matplotlib.figure import Figure

    height, width = figure.shape[:2]
    shown = Figure(figsize=(width / 100, height / 100), dpi=100)
    shown.figimage(figure)
    return shown


def pixels(figure: Any) -> np.ndarray:
    """(H, W, 3) uint8 of a matplotlib figure; pixels as they are."""
    if isinstance(figure, np.ndarray):
        return figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
