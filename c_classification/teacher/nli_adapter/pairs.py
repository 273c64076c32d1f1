"""Intent sets and NLI sets -> (premise, hypothesis, entailed) pairs to train and to test on.

An utterance entails its own intent put into words and none of the others; the negatives are mostly
intents whose utterances lie near, or nothing is learnt from them. Every fifth intent of banking77
and every seventh of clinc150 is kept out, and so is SICK, for testing.

Files: b77_train.csv, b77_test.csv (banking77), clinc150.json, clinc_domains.json (clinc150),
snli_{s1,s2,labels}.{dev,test} (SNLI, a sentence a line), SICK.txt (SICK, tab-separated).
"""

import csv
import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError

TEMPLATES = (
    "This is about {}.",
    "The customer asks about {}.",
    "This message is about {}.",
    "{}",
    "The text concerns {}.",
    "This person needs help with {}.",
    "This example is about {}.",
    "The topic is {}.",
    "A customer wants to talk about {}.",
    "This customer has a question or a problem with {}.",
)
QUOTE = "A customer says: {}"
_NEAR = 10
_RANDOM_NEGATIVES, _DOMAINS, _QUOTES = 0.5, 0.6, 0.15  # chances an utterance
_SNLI_TEST_EVERY = 5
_CLASSES = ("entailment", "neutral", "contradiction")
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


class Pair(NamedTuple):
    """entailed: 1 where the premise entails the hypothesis, else 0."""

    premise: str
    hypothesis: str
    entailed: int


class Utterance(NamedTuple):
    """intent: in plain words, ``card arrival``."""

    text: str
    intent: str


class Sources(NamedTuple):
    """The sets as read; ``*_unseen`` are utterances of intents kept out of training."""

    banking: list[Utterance]
    banking_unseen: list[Utterance]
    clinc: list[Utterance]
    clinc_unseen: list[Utterance]
    domains: dict[str, str]  # of each clinc150 intent
    out_of_scope: list[str]
    snli: list[Pair]
    snli_unseen: list[Pair]
    sick: list[Pair]


def read_sources(folder: Path) -> Sources:
    """Read all sets.

    Raises:
        DataError: naming the first file that is missing.
    """
    try:
        clinc = json.loads((folder / "clinc150.json").read_text(encoding="utf-8"))
        domains = json.loads((folder / "clinc_domains.json").read_text(encoding="utf-8"))
        banking = _read_banking(folder / "b77_train.csv")
        banking_test = _read_banking(folder / "b77_test.csv")
        snli = _read_snli(folder, "dev") + _read_snli(folder, "test")
        sick = _read_sick(folder / "SICK.txt")
    except FileNotFoundError as error:
        raise DataError(
            f"{error.filename} is missing; put banking77, clinc150, SNLI and SICK into {folder} "
            "in the files that --help lists"
        ) from None
    known = [Utterance(text, in_words(name)) for text, name in clinc["train"] + clinc["val"]]
    test = [Utterance(text, in_words(name)) for text, name in clinc["test"]]
    banking_out = set(sorted({u.intent for u in banking})[::5])
    clinc_out = set(sorted({u.intent for u in known})[::7])
    return Sources(
        banking=[u for u in banking if u.intent not in banking_out],
        banking_unseen=[u for u in banking_test if u.intent in banking_out],
        clinc=[u for u in known if u.intent not in clinc_out],
        clinc_unseen=[u for u in test if u.intent in clinc_out],
        domains={in_words(i): in_words(domain) for domain, names in domains.items() for i in names},
        out_of_scope=[text for text, _ in clinc["oos_train"] + clinc["oos_val"]],
        snli=[pair for n, pair in enumerate(snli) if n % _SNLI_TEST_EVERY],
        snli_unseen=snli[::_SNLI_TEST_EVERY],
        sick=sick,
    )


def training_pairs(sources: Sources, *, embed: Embed, seed: int) -> list[Pair]:
    """All training pairs, in shuffled order; ``embed`` gives (N, D) unit vectors."""
    draw = random.Random(seed)  # noqa: S311 a seeded draw, no secret
    pairs = intent_pairs(sources.banking, {}, near_intents(sources.banking, embed), draw)
    near = near_intents(sources.clinc, embed)
    pairs += intent_pairs(sources.clinc, sources.domains, near, draw)
    names = list(near)
    pairs += [Pair(text, _hypothesis(draw.choice(names), draw), 0) for text in sources.out_of_scope]
    pairs += sources.snli
    draw.shuffle(pairs)
    return pairs


def intent_pairs(
    utterances: Sequence[Utterance],
    domains: Mapping[str, str],
    near: Mapping[str, Sequence[str]],
    draw: random.Random,
) -> list[Pair]:
    """One positive and one near negative an utterance, by chance more of both.

    Args:
        utterances: messages of people, with intents.
        domains: the domain of each intent, where there are any.
        near: the intents most like each intent.
        draw: decides wording and negatives.
    """
    by_intent = defaultdict(list)
    for utterance in utterances:
        by_intent[utterance.intent].append(utterance.text)
    intents, all_domains = list(near), sorted(set(domains.values()))
    pairs = []
    for text, intent in utterances:
        pairs.append(Pair(text, _hypothesis(intent, draw), 1))
        pairs.append(Pair(text, _hypothesis(draw.choice(near[intent]), draw), 0))
        if draw.random() < _RANDOM_NEGATIVES:
            other = draw.choice([name for name in intents if name != intent])
            pairs.append(Pair(text, _hypothesis(other, draw), 0))
        if domains and draw.random() < _DOMAINS:
            domain = domains[intent]
            other = draw.choice([name for name in all_domains if name != domain])
            pairs.append(Pair(text, _hypothesis(domain, draw), 1))
            pairs.append(Pair(text, _hypothesis(other, draw), 0))
        if draw.random() < _QUOTES:
            other = draw.choice(near[intent])
            pairs.append(Pair(text, QUOTE.format(draw.choice(by_intent[intent])), 1))
            pairs.append(Pair(text, QUOTE.format(draw.choice(by_intent[other])), 0))
    return pairs


def near_intents(utterances: Sequence[Utterance], embed: Embed) -> dict[str, list[str]]:
    """Each intent's nearest others, nearest first, by the means of their utterances' vectors."""
    intents = sorted({u.intent for u in utterances})
    vectors = embed([u.text for u in utterances])  # (N, D)
    of = np.array([intents.index(u.intent) for u in utterances])
    means = np.stack([vectors[of == k].mean(axis=0) for k in range(len(intents))])  # (I, D)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    likeness = means @ means.T
    np.fill_diagonal(likeness, -np.inf)
    order = np.argsort(-likeness, axis=1)[:, : min(_NEAR, len(intents) - 1)]
    return {name: [intents[k] for k in row] for name, row in zip(intents, order, strict=True)}


def in_words(name: str) -> str:
    """``Card_arrival?`` -> ``card arrival``."""
    return name.replace("_", " ").replace("?", "").strip().lower()


def _hypothesis(phrase: str, draw: random.Random) -> str:
    return draw.choice(TEMPLATES).format(phrase)


def _read_banking(path: Path) -> list[Utterance]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Utterance(row["text"], in_words(row["category"])) for row in csv.DictReader(file)]


def _read_snli(folder: Path, part: str) -> list[Pair]:
    columns = [
        (folder / f"snli_{name}.{part}").read_text(encoding="utf-8").splitlines()
        for name in ("s1", "s2", "labels")
    ]
    return [
        Pair(premise, hypothesis, int(truth == "entailment"))
        for premise, hypothesis, truth in zip(*columns, strict=True)
        if truth in _CLASSES  # the others had no majority
    ]


def _read_sick(path: Path) -> list[Pair]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [
            Pair(
                row["sentence_A"],
                row["sentence_B"],
                int(row["entailment_judgment"] == "ENTAILMENT"),
            )
            for row in rows
        ]
