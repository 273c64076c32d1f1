"""A BERT classifier as ONNX computes it best: the same logits, in fewer and better steps.

- Tokens of a batch lie in one row without padding, except in attention: what pads costs little,
  and takes no part in the scale that INT8 rounds by.
- The last layer computes the one token that the head reads.
- The feed-forward layers are even (even.py): most of INT8's error comes from them.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from common.onnx.even import even_product

if TYPE_CHECKING:
    import torch


def is_packed(config: Mapping[str, Any]) -> bool:
    """Whether a classifier with this config.json is exported by this module."""
    return config.get("model_type") == "bert"


def packed_classifier(model: Any) -> "torch.nn.Module":
    """A module over the layers of ``model``, a BertForSequenceClassification; (B, L) -> (B, K)."""
    import torch

    layers, heads = model.bert.encoder.layer, model.config.num_attention_heads
    scale = 1 / math.sqrt(model.config.hidden_size // heads)

    class Packed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self,
            input_ids: torch.Tensor,
            attention_mask: torch.Tensor,
            token_type_ids: torch.Tensor,
        ) -> torch.Tensor:
            width, rows = input_ids.t().shape
            flat = attention_mask.t().flatten()  # (L B), position by position
            kept = flat.nonzero().squeeze(1)  # (T,) where each token stands in the batch
            place = (flat.cumsum(0) - 1).clamp(min=0)  # (L B) which token stands there
            hidden = self._embed(input_ids.t(), token_type_ids.t(), kept)  # (T, D)
            bias = (1 - attention_mask[:, None, None].float()) * -1e9  # (B, 1, 1, L)

            def by_head(tokens: torch.Tensor) -> torch.Tensor:
                """(T, D) -> (B, heads, L, D / heads)"""
                padded = tokens.index_select(0, place)
                return padded.view(width, rows, heads, -1).permute(1, 2, 0, 3)

            for layer in layers[:-1]:
                own = layer.attention.self
                query = by_head(_linear(own.query, hidden))
                context = _attend(own, query, hidden, by_head, bias)  # (L B, D)
                hidden = _rest(layer, context.index_select(0, kept), hidden)
            own = layers[-1].attention.self
            first = hidden[:rows]  # (B, D): padding stands at the end, so position 0 is all kept
            query = _linear(own.query, first).view(1, rows, heads, -1).permute(1, 2, 0, 3)
            last = _rest(layers[-1], _attend(own, query, hidden, by_head, bias), first)
            logits: torch.Tensor = self.model.classifier(self.model.bert.pooler(last[:, None]))
            return logits

        def _embed(
            self, input_ids: torch.Tensor, token_type_ids: torch.Tensor, kept: torch.Tensor
        ) -> torch.Tensor:
            embed = self.model.bert.embeddings
            places = torch.arange(input_ids.shape[0])[:, None].expand_as(input_ids)
            words, types, at = (
                ids.flatten().index_select(0, kept) for ids in (input_ids, token_type_ids, places)
            )
            summed = (
                embed.word_embeddings(words)
                + embed.token_type_embeddings(types)
                + embed.position_embeddings(at)
            )
            normed: torch.Tensor = embed.LayerNorm(summed)
            return normed

    def _attend(
        own: Any,
        query: torch.Tensor,
        hidden: torch.Tensor,
        by_head: Callable[[torch.Tensor], torch.Tensor],
        bias: torch.Tensor,
    ) -> torch.Tensor:
        """query: (B, heads, Q, D / heads); returns (Q B, D)."""
        key, value = by_head(_linear(own.key, hidden)), by_head(_linear(own.value, hidden))
        weights = (query @ key.transpose(-1, -2) * scale + bias).softmax(-1)  # (B, heads, Q, L)
        return (weights @ value).permute(2, 0, 1, 3).flatten(0, 1).flatten(1)

    def _rest(layer: Any, context: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        mixed = _linear(layer.attention.output.dense, context) + hidden
        attended = layer.attention.output.LayerNorm(mixed)
        inner = layer.intermediate.intermediate_act_fn(_linear(layer.intermediate.dense, attended))
        outer = even_product(layer.output.dense, inner)
        normed: torch.Tensor = layer.output.LayerNorm(outer + attended)
        return normed

    def _linear(dense: Any, tokens: torch.Tensor) -> torch.Tensor:
        # Not dense(tokens): that becomes a Gemm, which the quantiser and smoothing.py pass by.
        product: torch.Tensor = tokens @ dense.weight.t() + dense.bias
        return product

    return Packed()
