"""The exported network; needs onnxruntime and numpy."""

from pathlib import Path

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(str(Path(__file__).parent / "model.onnx"), providers=["CPUExecutionProvider"])


def run(**inputs: np.ndarray) -> list[np.ndarray]:
    return session.run(None, {needed.name: inputs[needed.name] for needed in session.get_inputs()})
