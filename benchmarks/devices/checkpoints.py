"""Checkpoints of the sizes that profiles name, with random weights: good for speed, for no more."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common.onnx.weights import MINILM_WHEEL, checkpoint_folder

_CLASSES = {0: "entailment", 1: "not_entailment"}


def _bert(*, width: int, layers: int, heads: int) -> Any:
    from transformers import BertConfig, BertModel

    return BertModel(
        BertConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
        )
    )


def _mpnet() -> Any:
    from transformers import MPNetConfig, MPNetModel

    return MPNetModel(MPNetConfig())


def _deberta(*, width: int, layers: int, heads: int) -> Any:
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    return DebertaV2ForSequenceClassification(
        DebertaV2Config(
            vocab_size=30_522,  # of the tokenizer that stands in
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            type_vocab_size=0,
            relative_attention=True,
            position_buckets=256,
            pos_att_type=["p2c", "c2p"],
            share_att_key=True,
            norm_rel_ebd="layer_norm",
            position_biased_input=False,
            id2label=_CLASSES,
            label2id={name: k for k, name in _CLASSES.items()},
        )
    )


SIZES: dict[str, Callable[[], Any]] = {
    "all-MiniLM-L6-v2": partial(_bert, width=384, layers=6, heads=12),
    "all-mpnet-base-v2": _mpnet,
    "deberta-v3-xsmall": partial(_deberta, width=384, layers=12, heads=6),
    "deberta-v3-base": partial(_deberta, width=768, layers=12, heads=12),
    "deberta-v3-large": partial(_deberta, width=1024, layers=24, heads=16),
    "bert-base-uncased": partial(_bert, width=768, layers=12, heads=12),
}


def write_checkpoint(name: str, folder: Path) -> Path:
    """A checkpoint of that size, with MiniLM's tokenizer; returns its folder."""
    import torch
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder(MINILM_WHEEL, revision=None))
    model = SIZES[name]()
    if model.config.model_type != "bert":
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    model.save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / name)
    return folder / name
