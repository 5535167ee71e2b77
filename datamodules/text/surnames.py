"""Surnames of 17 languages that need no download: those of the package Faker (MIT)."""

from __future__ import annotations

import importlib

from anyascii import anyascii

from datamodules.text.labelled_texts import LabelledTexts
from datamodules.text.normalization import Normalization

#: Faker's locales of each language.  Left out are locales that mix languages or have fewer than 40 surnames.
LOCALES = {
    "Arabic": ("ar_AA", "ar_DZ", "ar_PS", "ar_SA"),
    "Chinese": ("zh_CN", "zh_TW"),
    "Czech": ("cs_CZ",),
    "Dutch": ("nl_NL", "nl_BE"),
    "English": ("en_GB", "en_US"),
    "Finnish": ("fi_FI",),
    "French": ("fr_FR",),
    "German": ("de_DE", "de_AT"),
    "Greek": ("el_GR",),
    "Irish": ("ga_IE",),
    "Italian": ("it_IT",),
    "Japanese": ("ja_JP",),
    "Korean": ("ko_KR",),
    "Polish": ("pl_PL",),
    "Russian": ("ru_RU",),
    "Spanish": ("es_ES",),
    "Ukrainian": ("uk_UA",),
}

#: The attributes of Faker's person providers that hold plain surnames (collections of strings).
ATTRIBUTES = ("last_names", "unisex_last_names", "male_last_names")


def bundled_surnames(normalize: Normalization) -> LabelledTexts:
    """Each distinct surname once per language, in Latin letters where the `ascii` alphabet asks for them."""
    read = LabelledTexts()
    for language, locales in LOCALES.items():
        for name in sorted({name for locale in locales for name in _surnames(locale, romanized=normalize == "ascii")}):
            read.add(name, language, f"{language}:{name}")
    return read


def _surnames(locale: str, romanized: bool) -> set[str]:
    from faker.providers.person import Provider as Unnamed

    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    if romanized and locale == "ja_JP":  # anyascii would read the characters as Chinese
        return set(provider.last_romanized_names)
    collections = [getattr(provider, attribute, ()) for attribute in ATTRIBUTES]
    names = {name for names in collections if names is not Unnamed.last_names for name in names}  # not "Doe"
    return {anyascii(name) for name in names} if romanized else names
