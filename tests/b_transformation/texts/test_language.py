from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from b_transformation.texts import language
from b_transformation.texts.language import detect_languages, model_file
from common.errors import TriageError

LANGUAGES = {
    "my parcel is lost": "en",
    "@brand where are you": "en",
    "thanks": "en",
    "@brand @user thank you so much": "en",
    "hello": "en",
    "mi pedido no ha llegado todavía y nadie me responde": "es",
    "mon colis est perdu": "fr",
    "ich warte seit drei wochen auf mein geld": "de",
    "привет где мой заказ": "ru",
    "मेरा ऑर्डर अभी तक नहीं आया है": "hi",
    "注文した商品がまだ届きません": "ja",
    "@brand mon colis est perdu": "fr",
    # Too short, or no words at all.
    None: None,
    "": None,
    "ok": None,
    "@brand": None,
    "@user @brand": None,
    "12345 678": None,
    "a b c d": None,
    "не": None,
    "私": None,
    # Long enough to ask, and the answer is not sure.
    "parcel lost again": None,
}


def detect(*texts: str | None) -> list[str | None]:
    found: list[str | None] = detect_languages(pa.array(texts, pa.string())).to_pylist()
    return found


@pytest.mark.parametrize(("text", "code"), LANGUAGES.items())
def test_language_of_a_clean_text(text: Any, code: Any) -> None:
    assert detect(text) == [code]


def test_a_batch_gives_what_single_texts_give_in_their_order() -> None:
    assert detect(*LANGUAGES) == list(LANGUAGES.values())


def test_empty_batch() -> None:
    assert detect() == []


def test_only_open_cases_reach_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(text: str) -> str:
        asked.append(text)
        return "xx"

    monkeypatch.setattr(language, "_ask_model", ask)
    assert detect("my parcel is lost", "ok", None, "mon colis est perdu", "@user ja") == [
        "en", None, None, "xx", None,
    ]  # fmt: skip
    assert asked == ["mon colis est perdu"]


def test_model_lies_in_the_wheel() -> None:
    assert model_file().name == "lid.176.ftz"


@pytest.mark.parametrize("found", ["no wheel", "no model"])
def test_missing_model_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: str
) -> None:
    class Spec:
        submodule_search_locations = [str(tmp_path)]

    spec = None if found == "no wheel" else Spec()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    with pytest.raises(TriageError, match=r"`make env`.*transformation\.detect_language=false"):
        model_file()
