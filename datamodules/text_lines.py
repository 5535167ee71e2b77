"""Images of one line of text with their transcriptions (OCR).

python scripts/train.py datamodule=text_lines module=crnn                              # rendered lines
python scripts/train.py datamodule=text_lines module=crnn datamodule.data_dir=FOLDER   # of x.png and x.gt.txt
python scripts/train.py datamodule=text_lines module=gru datamodule.data_dir=lines.tsv # paths and texts
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import LineBatch
from datamodules.batching.samplers import BatchSampler, PerEpochRefresh
from datamodules.errors import BadInput
from datamodules.line_images.augmentation import Augmentation
from datamodules.line_images.codec import LineCodec
from datamodules.line_images.collection import Collection, ImageSettings, Unknown, read_collection, without_unknown
from datamodules.line_images.direction import Direction, collection_direction
from datamodules.line_images.groups import PreferredGroups, SplitBy, groups_of
from datamodules.line_images.images import Polarity, Vertical
from datamodules.line_images.normalization import Whitespace
from datamodules.line_images.records import LineRecord, ReaderSettings
from datamodules.line_images.rendering import Renderer, words_of
from datamodules.line_images.rendering_processes import RenderedLines
from datamodules.line_images.report import report
from datamodules.line_images.source import LineSource
from datamodules.line_images.spec import LineImageSpec
from datamodules.line_images.splits import official_splits, split_lines, with_named_splits
from datamodules.text.splits import Split

MOST_PROCESSES = 16  # that render lines

Count = Annotated[int, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]


class TextLines(SequenceDataModule):
    """Lines of text: ground truth of many forms, or lines that the program renders, endless and seeded.

    Args:
        data_dir: see `datamodules.line_images.formats`; rendered lines alone when absent.
        path_column, text_column, encoding, root, images, text_suffix, text_pattern: see `ReaderSettings`.
        split_column: column of a table that says which split a line is of; none when absent.
        splits: official splits: `{train: ..., val: ..., test: ...}`, each a value of that column, a folder, a pattern
            of ids, or a file that lists ids (or several of them); none when absent.
        split_by: `prefix` of the file name, `folder`, `random` (line by line: neighbours may leak), or `auto`: see
            `groups_of`.
        group_pattern: what of the file name, or of the folder, names the group that stays together (a book, a page).
        val_groups, test_groups: regular expressions of the groups held out; a fraction of the groups when absent.
        preferred_groups: how an experiment holds out its own data; data without such groups are split by `split_by`.
        val_fraction, test_fraction, split_seed: of that fraction, and the choice.
        max_train_lines: so many training lines are kept, drawn with `split_seed`; all when absent.
        height: of the images; the width follows.
        max_width: pixels at that height; wider images are left out by name.
        polarity: `auto` (each line's own where its pixels show one, else that of most lines), `dark_on_light` or
            `light_on_dark`.
        vertical: images much taller than wide: `refuse` leaves them out by name, `turn` turns columns, `keep`.
        direction: base direction of lines with letters of both directions: `auto` (that of most letters), `ltr`,
            `rtl`, or `display` where the ground truth is in display order already.
        whitespace: `normalize` (one space for any white space, invisible characters dropped) or `keep`.
        alphabet: the characters to know; those of the training split when absent.
        unknown: what happens to training lines with other characters: `error`, `drop_sample` or `replace`.
        charset: with init_from, the characters that the run knew: `keep`, `extend` by those of the training split, or
            `replace` by them.
        rendered_lines: rendered lines in each epoch, besides those of `data_dir`; other ones each time.
        words: a text file of words to render; those of the training split, or random ones, when absent.
        fonts: a folder of fonts; those that matplotlib ships when absent.
        spaced_lines: probability that a rendered line has letter-spaced words, as German printers set emphasis.
        spaced_marks: probability that a rendered line has a thin space before ; : ! ?, as old books have.
        tight_lines: probability that a rendered line is cut to its ink and scaled to the height, as segmenters cut.
        render_processes: processes that render the lines of an epoch while the one before is trained on; one for each
            thread of the run when absent, 0 for none.  The lines are the same.
        augmentation: how training lines are changed; None for not at all.
        batch_size, evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = LineBatch
    network_properties: ClassVar[tuple[str, ...]] = ("height", "direction", "whitespace", "alphabet", "charset")
    spec: LineImageSpec
    source: LineSource

    def __init__(
        self,
        data_dir: str | None = None,
        path_column: str = "path",
        text_column: str = "text",
        split_column: str | None = None,
        splits: dict | None = None,
        split_by: SplitBy = "auto",
        group_pattern: str | None = None,
        val_groups: str | None = None,
        test_groups: str | None = None,
        preferred_groups: PreferredGroups | None = None,
        val_fraction: Fraction = 0.1,
        test_fraction: Fraction = 0.2,
        split_seed: Count = 0,
        max_train_lines: Annotated[int, Gt(0)] | None = None,
        encoding: str | None = None,
        root: str | None = None,
        images: str = "all",
        text_suffix: str = ".gt.txt",
        text_pattern: str | None = None,
        height: Annotated[int, Ge(8)] = 32,
        max_width: Annotated[int, Gt(0)] = 4000,
        polarity: Polarity = "auto",
        vertical: Vertical = "refuse",
        direction: Direction = "auto",
        whitespace: Whitespace = "normalize",
        alphabet: str | None = None,
        unknown: Unknown = "error",
        charset: Literal["keep", "extend", "replace"] = "extend",
        rendered_lines: Count = 0,
        words: str | None = None,
        fonts: str | None = None,
        spaced_lines: Annotated[float, Ge(0), Le(1)] = 0.0,
        spaced_marks: Annotated[float, Ge(0), Le(1)] = 0.0,
        tight_lines: Annotated[float, Ge(0), Le(1)] = 0.0,
        render_processes: Count | None = None,
        augmentation: Augmentation | None = None,
        batch_size: Annotated[int, Gt(0)] = 16,
        evaluation_batch_size: Annotated[int, Gt(0)] = 64,
        seed: Count = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(batch_size, evaluation_batch_size, seed, drop_last)
        self.data_dir = data_dir
        self.reader = ReaderSettings(
            path_column, text_column, split_column, encoding, root, images, text_suffix, text_pattern
        )
        self.image_settings = ImageSettings(height, max_width, polarity, vertical, whitespace)
        self.splits: Mapping | None = splits
        self.split_by: SplitBy = split_by
        self.group_pattern = group_pattern
        self.held_out = val_groups, test_groups
        self.preferred_groups = preferred_groups
        self.fractions = val_fraction, test_fraction
        self.split_seed = split_seed
        self.max_train_lines = max_train_lines
        self.direction: Direction = direction
        self.alphabet = alphabet
        self.unknown: Unknown = unknown
        self.charset = charset
        self.rendered_lines = rendered_lines or (0 if data_dir else 1000)
        self.words, self.fonts = words, fonts
        self.spaced_lines, self.spaced_marks, self.tight_lines = spaced_lines, spaced_marks, tight_lines
        self.render_processes = render_processes
        self.augmentation = augmentation
        self.starting_from: LineImageSpec | None = None  # what the run of init_from knew

    def load(self) -> None:
        pretrained = self.pretrained_spec
        if pretrained is not None:
            self.image_settings = replace(
                self.image_settings, height=pretrained.height, whitespace=pretrained.whitespace
            )
        if self.starting_from is not None and not isinstance(self.starting_from, LineImageSpec):
            raise BadInput("init_from: a run on other data than lines of text; datamodule=text_lines starts from those")
        read, split = self._read()
        train = [read.texts[i] for i in split.train]
        codec = pretrained.codec if pretrained is not None else self._codec(train)
        if pretrained is None:
            split.train = without_unknown(read, split.train, codec, self.unknown)
        self.spec = self._spec(codec, read, train)
        self.source = LineSource.of(read.images, read.texts, self.spec)
        self.indices = {name: torch.from_numpy(positions) for name, positions in split.positions().items()}
        self.collection = read
        self.fingerprint = read.fingerprint()
        self.report = report(read, self.indices, self.spec, split.notes, self.starting_from)
        read.images.clear()  # the source has them

    def _spec(self, codec: LineCodec, read: Collection, train: list[str]) -> LineImageSpec:
        """Fitted to the training split, or that of a finished run with the settings that are no part of its network."""
        settings = self.image_settings
        if self.pretrained_spec is not None:
            return replace(
                self.pretrained_spec,
                max_width=settings.max_width,
                polarity=settings.polarity,
                vertical=settings.vertical,
                ground=read.ground,
            )
        return LineImageSpec(
            codec,
            settings.height,
            settings.max_width,
            settings.polarity,
            settings.vertical,
            read.ground,
            self.direction,
            collection_direction(train),
            settings.whitespace,
        )

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        return {"id": [self.collection.ids[i] for i in indices.tolist()]}

    def training_sampler(self) -> BatchSampler:
        buckets = self.length_grouped_sampler()
        return PerEpochRefresh(buckets, self._render_again) if self.rendered_lines else buckets

    def lengths_of(self, indices: Tensor) -> Tensor:
        return self.source.width_of(indices)

    def training_transform(self) -> Callable[[LineBatch], LineBatch] | None:
        return self.augmentation

    def samples(self, count: int = 8) -> LineBatch:
        """A few training lines as a network may see them, for pictures."""
        row = self.indices["train"][:: max(1, len(self.indices["train"]) // count)][:count]
        batch = self.source.collate(row, self.source.max_length(row))
        if self.augmentation is None:
            return batch
        with torch.random.fork_rng([]):  # drawing figures leaves training's random numbers alone
            return self.augmentation(batch)

    # ------------------------------------------------------------------ steps of load

    def _read(self) -> tuple[Collection, Split]:
        """All lines, rendered ones last, and which split each belongs to."""
        if self.data_dir is None:
            return self._rendered_alone()
        ground = None if self.pretrained_spec is None else self.pretrained_spec.ground
        read = read_collection(Path(self.data_dir).expanduser(), self.image_settings, self.reader, ground)
        try:
            split = self._split(read)
        except BadInput:
            if self.pretrained_spec is None:
                raise
            nothing = np.array([], dtype=np.int64)  # other data than the run was trained on is evaluated whole
            split = Split(nothing, nothing, np.arange(len(read.texts)))
        if self.max_train_lines is not None:
            drawn = np.random.default_rng(self.split_seed).permutation(split.train)[: self.max_train_lines]
            split.train = np.sort(drawn)
        if self.rendered_lines and self.pretrained_spec is None:
            known = [read.texts[i] for i in split.train]
            self.rendered = self._rendered([word for text in known for word in text.split()])
            self._first_rendered = len(read.texts)
            read.add_rendered(self.rendered, range(self.rendered_lines))
            split.train = np.concatenate([split.train, np.arange(self._first_rendered, len(read.texts))])
        return read, split

    def _split(self, read: Collection) -> Split:
        """Official splits where they are given; else groups that are named, that an experiment prefers, or found."""
        records: Sequence[LineRecord] = read.records
        notes: list[str] = []
        by_column = self.reader.split_column is not None
        if self.splits is None and not by_column and self._nothing_is_said_of_splits():
            records = with_named_splits(records, notes)
            by_column = any(record.split for record in records)
        elif self.splits is not None or by_column:
            said = "the column of the table" if by_column else "datamodule.splits"
            notes.append(f"official splits ({said})")
        if self.splits is not None or by_column:
            groups = groups_of(records, self.split_by, self.group_pattern, None)
            data_dir = Path(self.data_dir or "").expanduser()
            split = official_splits(
                records, data_dir, self.splits, by_column, self.fractions[0], self.split_seed, groups
            )
            split.notes[:0] = notes
            return split
        split_by, pattern, held_out = self.split_by, self.group_pattern, self.held_out
        preferred = self.preferred_groups
        if preferred is not None and split_by == "auto" and pattern is None and held_out == (None, None):
            if preferred.fits(records):
                pattern, held_out = preferred.group_pattern, (preferred.val_groups, preferred.test_groups)
            else:
                notes.append("the experiment's own groups are not in these data (datamodule.preferred_groups)")
        elif split_by == "auto" and held_out != (None, None):
            split_by = "prefix"
        groups = groups_of(records, split_by, pattern, notes)
        split = split_lines(groups, *held_out, *self.fractions, self.split_seed)
        split.notes += notes
        return split

    def _nothing_is_said_of_splits(self) -> bool:
        return self.split_by == "auto" and self.group_pattern is None and self.held_out == (None, None)

    def _rendered_alone(self) -> tuple[Collection, Split]:
        """Lines for validation and test come first; they are never rendered again."""
        self.rendered = self._rendered([])
        held_out = [round(self.rendered_lines * fraction) for fraction in self.fractions]
        self._first_rendered = sum(held_out)
        read = Collection(f"rendered lines in {len(self.rendered.renderer.fonts)} fonts (no data_dir given)")
        read.add_rendered(self.rendered, range(-self._first_rendered, self.rendered_lines))
        val, test, train = np.split(np.arange(len(read.texts)), np.cumsum(held_out))
        return read, Split(train, val, test)

    def _rendered(self, words: list[str]) -> RenderedLines:
        if self.words is not None:
            words = words_of(Path(self.words).expanduser(), self.reader.encoding)
        renderer = Renderer(
            self.image_settings.height,
            words,
            self.fonts,
            spaced=self.spaced_lines,
            spaced_marks=self.spaced_marks,
            tight=self.tight_lines,
            seed=self.split_seed,
            direction=self.direction,
        )
        threads = torch.get_num_threads()
        by_threads = min(threads, MOST_PROCESSES) if threads > 1 else 0
        return RenderedLines(renderer, by_threads if self.render_processes is None else self.render_processes)

    def _codec(self, training_texts: list[str]) -> LineCodec:
        if self.alphabet is not None:
            return LineCodec.of([self.alphabet])
        if self.data_dir is None:
            training_texts = [self.rendered.renderer.alphabet()]
        if self.starting_from is None or self.charset == "replace":
            return LineCodec.of(training_texts)
        known = self.starting_from.codec
        return known if self.charset == "keep" else known.extended(training_texts)

    def _render_again(self, epoch: int) -> None:
        """Other lines in the place of the rendered training lines: those of this epoch."""
        first = self._first_rendered
        numbers = range(epoch * self.rendered_lines, (epoch + 1) * self.rendered_lines)
        if self.collection.ids[first] != Collection.rendered_id(numbers[0]):
            fresh = Collection("rendered")
            fresh.add_rendered(self.rendered, numbers)
            self.source.refill(first, LineSource.of(fresh.images, fresh.texts, self.spec))
            self.collection.replace_from(first, fresh)
            self._copies.clear()
        self.rendered.begin(range(numbers.stop, numbers.stop + self.rendered_lines))
