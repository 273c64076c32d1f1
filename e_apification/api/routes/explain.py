"""POST /explain: which words of a text made its label."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from e_apification.api.routes.state import State
from e_apification.http.errors import error_responses
from e_apification.http.payloads import Payload, check_texts, read_payload, takes
from e_apification.model.occlusion import explain

_DECIMALS = 6


class ExplainRequest(Payload):
    """The text to explain."""

    text: str


class WordBody(BaseModel):
    """A word at text[start:end].

    weight: the label's score with the word minus that without it; below 0 speaks against.
    """

    word: str
    start: int
    end: int
    weight: float


class ExplanationBody(BaseModel):
    """What each word adds to the score of ``label``, which is the best one also where it abstains.

    method occlusion: each word is left out alone and the rest is scored anew; untested_words: how
    many words at the end of a long text were not tried.
    """

    model_config = ConfigDict(protected_namespaces=())

    label: str
    confidence: float
    abstained: bool
    truncated: bool
    model_id: str
    method: Literal["occlusion"]
    words: list[WordBody]
    untested_words: int


router = APIRouter(responses=error_responses(400, 408, 413, 415, 422, 503))


@router.post("/explain", openapi_extra=takes(ExplainRequest))
async def explain_text(request: Request, state: State) -> ExplanationBody:
    """Say which words of ``text`` made its label."""
    service, limits = state.service, state.limits
    with service.admit():
        payload = await read_payload(request, ExplainRequest, limits)
        check_texts([payload.text], limits, field="text")
        found = await explain(service, payload.text, max_words=limits.max_explain_words)
    return ExplanationBody(
        label=found.label,
        confidence=round(found.prediction.confidence, _DECIMALS),
        abstained=found.prediction.label is None,
        truncated=found.prediction.truncated,
        model_id=found.model_id,
        method="occlusion",
        words=[
            WordBody(
                word=word.word,
                start=word.start,
                end=word.end,
                weight=round(word.weight, _DECIMALS),
            )
            for word in found.words
        ],
        untested_words=found.untested,
    )
