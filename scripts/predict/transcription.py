"""Recognise images of lines: text, confidence, and where each character stands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput
from datamodules.line_images.page_writing import as_alto, as_page
from scripts.predict.embeddings import Embedded
from scripts.predict.inputs import by_size
from scripts.predict.line_formats import (
    FORMATS,
    Character,
    RecognizedLine,
    as_hocr,
    as_json,
    as_text,
    page_file,
    pages_of,
)
from scripts.predict.line_inputs import LineSourceFile, image_source, line_sources, split_settings

if TYPE_CHECKING:
    import numpy as np

    from lightning_modules.base import SequenceModule

CHUNK = 512  # images held at a time
BATCH = 16  # more would leave a processor's cache


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--beam-width", type=int, metavar="N", help="read by beam search over N texts (best path)")
    parser.add_argument("--language-model", metavar="FILE", help="with a beam: a text file to learn characters from")
    parser.add_argument("--format", choices=FORMATS, help="text (input, text, confidence), json, alto, page or hocr")
    parser.add_argument("--output", metavar="FOLDER", help="with alto, page and hocr: a file for each page")


@dataclass(frozen=True)
class PreparedLine:
    """A page of an input, preprocessed; the size of its image, and a note about it."""

    name: str
    image: np.ndarray
    size: tuple[int, int]
    source: LineSourceFile
    note: str | None = None


Unreadable = tuple[str, BadInput]  # name of an input, and the reason


def predict(module: SequenceModule, options: argparse.Namespace) -> int:
    """Print the text of each image of `options.inputs`; 1 where one could not be read, else 0."""
    _set_decoding(module, options.beam_width, options.language_model)
    inputs = _inputs(module, options)
    format = options.format or ("json" if options.json else "text")
    if options.json and format != "json":
        raise BadInput(f"--json and --format {format}: one of them is accepted")
    if options.output is not None and format in ("text", "json"):
        raise BadInput(f"--output: --format {format} is printed; alto, page and hocr are written to a folder")
    status = 0
    recognized = []
    for name, result in results(module, line_sources(inputs), places=format != "text"):
        if isinstance(result, BadInput):
            print(f"{name}: {result}", file=sys.stderr)
            status = 1
        elif format in ("text", "json"):
            print(as_json(result) if format == "json" else as_text(result))
        else:
            recognized.append(result)
    if recognized:
        _write_pages(recognized, format, options.output)
    return status


def predict_inputs(
    module: SequenceModule, inputs: list[Any], beam_width: int | None = None, language_model: str | None = None
) -> list[RecognizedLine | BadInput]:
    """What each image says (one of several pages: each page), or the BadInput that says why it cannot be read.

    Args:
        inputs: names of image files, images of Pillow, or arrays uint8 (height, width[, 3 or 4]).
        beam_width, language_model: as those of the command.
    """
    _set_decoding(module, beam_width, language_model)
    return [result for _, result in results(module, (image_source(image, i) for i, image in enumerate(inputs)))]


def embed(module: SequenceModule, inputs: Iterable[Any]) -> Iterator[Embedded]:
    """The mean of the encoder's states for each image (one of several pages: each page); see `predict_inputs`."""
    return _embed(module, (image_source(image, i) for i, image in enumerate(inputs)))


def embeddings(module: SequenceModule, options: argparse.Namespace) -> Iterator[Embedded]:
    """`embed` for the inputs of a command line."""
    return _embed(module, line_sources(_inputs(module, options)))


def _embed(module: SequenceModule, sources: Iterator[LineSourceFile | Unreadable]) -> Iterator[Embedded]:
    for lines, vectors in _batched(module, sources, lambda batch: module.embeddings(module.task.spec.batch(batch))):
        for line, vector in zip(lines, vectors):
            yield {"input": line[0] if isinstance(line, tuple) else line.name}, vector


def results(
    module: SequenceModule, sources: Iterator[LineSourceFile | Unreadable], places: bool = True
) -> Iterator[tuple[str, RecognizedLine | BadInput]]:
    """The text of each page of each image, or the BadInput that says why it cannot be read.

    Without `places` no character says where it stands, which takes as long to find as the text.
    """
    task = module.task

    def read_batch(batch: list[np.ndarray]) -> Iterable[Any]:
        return task.read_characters(module(task.spec.batch(batch)), places)

    for lines, read in _batched(module, sources, read_batch):
        for line, result in zip(lines, read):
            if isinstance(line, tuple):
                yield line[0], result
                continue
            if line.note:
                print(f"{line.name}: {line.note}", file=sys.stderr)
            yield line.name, _recognized(line, *result)


def _batched(
    module: SequenceModule,
    sources: Iterator[LineSourceFile | Unreadable],
    predict_batch: Callable[[list[np.ndarray]], Iterable[Any]],
) -> Iterator[tuple[list[PreparedLine | Unreadable], list[Any]]]:
    """Chunks of pages, with the result of `predict_batch` for each page, or the BadInput of one that cannot be read."""
    import torch

    while chunk := list(islice(sources, CHUNK)):
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            lines_of_sources = pool.map(lambda source: _read_lines(module.task.spec, source), chunk)
            lines = [line for of_source in lines_of_sources for line in of_source]
        items = [line[1] if isinstance(line, tuple) else line for line in lines]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=_in_bfloat16(module)):
            results = by_size(
                items,
                lambda line: line.image.shape[1],
                BATCH,
                lambda batch: predict_batch([line.image for line in batch]),
            )
        yield lines, results


def _inputs(module: SequenceModule, options: argparse.Namespace) -> list[str]:
    """The inputs without the settings among them, which are set."""
    inputs, settings = split_settings(options.inputs)
    if settings:
        module.task.spec = _changed(module.task.spec, settings)
    return inputs


def _read_lines(spec: Any, source: LineSourceFile | Unreadable) -> list[PreparedLine | Unreadable]:
    """Each page of an input; in place of one that cannot be read its name and the reason."""
    from datamodules.line_images.images import pages, refuse_several_lines

    if isinstance(source, tuple):
        return [source]
    lines: list[PreparedLine | Unreadable] = []
    try:
        found = list(pages(source.read()))
    except BadInput as error:
        return [(source.name, error)]
    for number, page in enumerate(found, 1):
        name = source.name if len(found) == 1 else f"{source.name}#{number}"
        try:
            if source.place is None:
                refuse_several_lines(page)
            ink = spec.ink(page)
        except BadInput as error:
            lines.append((name, error))
            continue
        image = spec.image(ink)
        inverted = spec.polarity == "auto" and spec.ground == "dark_on_light" and image is not ink.ink
        note = "light on dark, read inverted (datamodule.polarity=dark_on_light does not)" if inverted else None
        lines.append(PreparedLine(name, image, page.grey.size, source, note))
    return lines


def _recognized(line: PreparedLine, text: str, confidence: float, spans: list[Any] | None) -> RecognizedLine:
    width = line.size[0] if line.size[0] * 2.5 >= line.size[1] else line.size[1]
    characters = tuple(
        Character(
            character,
            (round(span.start * width), round(span.end * width)) if span else None,
            round(span.confidence, 4) if span else None,
        )
        for character, span in zip(text, spans or [None] * len(text))
    )
    return RecognizedLine(line.name, text, confidence, characters, line.size, line.source.place)


def _set_decoding(module: SequenceModule, beam_width: int | None, language_model: str | None) -> None:
    from lightning_modules.tasks.transcription.decoding import Decoding

    if beam_width is not None:
        if beam_width < 1:
            raise BadInput(f"--beam-width {beam_width}: 1 or more is accepted")
        module.task.decoding = Decoding(  # type: ignore[assignment]
            "beam_search", beam_width, language_model=language_model
        )
    elif language_model is not None:
        raise BadInput("--language-model: guides a beam search; give --beam-width as well")


def _changed(spec: Any, settings: dict[str, str]) -> Any:
    """The spec with settings that are no property of the network.

    Raises:
        BadInput: a value that is not accepted.
    """
    from scripts.config.signatures import target_problems

    values: dict[str, Any] = dict(settings)
    if "max_width" in values and values["max_width"].isdigit():
        values["max_width"] = int(values["max_width"])
    found = target_problems({"_target_": "datamodules.text_lines.TextLines", **values}, "datamodule")
    if found:
        raise BadInput("\n".join(found))
    return replace(spec, **values)


def _write_pages(lines: list[RecognizedLine], format: str, output: str | None) -> None:
    """Documents on standard output, or a file for each page in a folder."""
    pages = pages_of(lines)
    if output is None:
        if format == "page" and len(pages) > 1:
            raise BadInput(
                f"--format page: {len(pages)} pages, and PAGE XML holds one; --output FOLDER writes a file each"
            )
        print(_document(pages, format))
        return
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--output {folder}: cannot be made ({error.strerror})") from None
    used: set[str] = set()
    for page in pages:
        first = page[0]
        stem = Path(first.place.file).stem if first.place else Path(first.name.replace("#", "_")).stem
        name, number = stem, 2
        while name in used:
            name, number = f"{stem}_{number}", number + 1
        used.add(name)
        suffix = "hocr" if format == "hocr" else "xml"
        (folder / f"{name}.{suffix}").write_text(_document([page], format) + "\n", encoding="utf-8")
    print(folder)


def _document(pages: list[list[RecognizedLine]], format: str) -> str:
    """Pages in one file; PAGE XML holds the first."""
    if format == "hocr":
        return as_hocr(pages)
    files = [page_file(lines, number) for number, lines in enumerate(pages, 1)]
    return as_page(files[0]) if format == "page" else as_alto(files)


def _in_bfloat16(module: SequenceModule) -> bool:
    """Whether the run was trained in bfloat16 and this processor multiplies in it (AMX): twice as fast."""
    import torch

    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16")) and str(module.config["trainer"].get("precision")).startswith("bf16")
