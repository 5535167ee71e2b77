import pytest

from datamodules.errors import BadInput
from datamodules.text.codec import TextCodec


def test_encoding_is_padded_with_zeros_and_decodes_back() -> None:
    codec = TextCodec.fit(["Satoshi", "Ito"], "ascii", "characters", max_length=10)
    ids, lengths = codec.encode(["Ito", "Satoshi"])
    assert ids.shape == (2, 7)
    assert lengths.tolist() == [3, 7]
    assert (ids[0, 3:] == 0).all()
    assert [codec.decode(row) for row in ids] == ["Ito", "Satoshi"]
    again = TextCodec.from_dict(codec.to_dict())
    assert (again.encode(["Ito"])[0] == ids[:1, :3]).all()


def test_words() -> None:
    codec = TextCodec.fit(["a fine film"], "nfc", "words", max_length=5)
    ids, lengths = codec.encode(["a film", "fine words indeed"])
    assert lengths.tolist() == [2, 3]
    assert ids[1].tolist() == [codec.vocabulary.id_of("fine"), 1, 1]
    assert codec.decode(ids[0]) == "a film"


def test_what_cannot_be_encoded_is_a_sentence() -> None:
    codec = TextCodec.fit(["abc"], "ascii", "characters", max_length=5)
    with pytest.raises(BadInput, match="it is empty"):
        codec.normalized("  ")
    with pytest.raises(BadInput, match="no character of '王' is kept by normalize=ascii; normalize=nfc keeps"):
        codec.normalized("王")
    with pytest.raises(BadInput, match="it has 6 characters; at most 5 are accepted"):
        codec.normalized("abcabc")


def test_an_alphabet_can_be_given() -> None:
    codec = TextCodec.fit(["abc"], "ascii", "characters", 5, alphabet="abcdef")
    assert len(codec.vocabulary.symbols) == 6
