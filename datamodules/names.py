"""Surnames by language.

python scripts/train.py datamodule=names                                        # bundled surnames
python scripts/train.py datamodule=names datamodule.data_dir=data/names         # a folder of <Label>.txt
"""

from __future__ import annotations

from datamodules.text.labelled_texts import LabelledTexts
from datamodules.text.surnames import bundled_surnames
from datamodules.texts import Texts


class Names(Texts):
    """Labelled texts (see `Texts`); when `data_dir` is absent, the surnames of the package Faker, in Latin letters
    unless `normalize` says otherwise.
    """

    def read(self) -> LabelledTexts:
        if self.data_dir is not None:
            return super().read()
        self.normalize = self.normalize or "ascii"
        return bundled_surnames(self.normalize)

    def where(self) -> str:
        return "surnames of the package Faker (no data_dir given)" if self.data_dir is None else super().where()
