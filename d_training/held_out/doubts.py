"""What makes scores say little, whatever they are: for the card and the gate's verdict alike."""

from collections.abc import Mapping, Sequence

FEWEST_TEXTS = 50
FOREIGN_SHARE = 0.2
_READ = "en"  # what the default teachers and students read


def doubts(
    support: Sequence[int],
    answers: Sequence[int],
    *,
    names: Sequence[str],
    languages: Mapping[str, int],
) -> list[str]:
    """Sentences on the texts that a model was scored on, and on its answers.

    Args:
        support: (K,) texts of each label.
        answers: (K,) how often the model gives each label.
        names: (K,) the labels.
        languages: texts by ISO 639 code; texts of unknown language may be left out.

    Returns:
        One sentence each on fewer than FEWEST_TEXTS texts, labels without a text, a model that
        gives one label alone, and a share of FOREIGN_SHARE or more in languages other than English.
    """
    texts, found = sum(support), []
    if texts < FEWEST_TEXTS:
        found.append(f"only {texts:,} texts, fewer than {FEWEST_TEXTS}: the scores say little")
    present = [name for name, count in zip(names, support, strict=True) if count]
    absent = [name for name, count in zip(names, support, strict=True) if not count]
    if len(present) == 1:
        found.append(
            f"all {texts:,} texts are labeled {present[0]!r}: no score can tell models apart"
        )
    elif absent:
        which = "this label" if len(absent) == 1 else "these labels"
        shown = ", ".join(map(repr, absent))
        found.append(f"no text is labeled {shown}: nothing is known about {which}")
    given = [name for name, count in zip(names, answers, strict=True) if count]
    if len(given) == 1:
        found.append(f"the model gives every text the label {given[0]!r}")
    foreign = {code: count for code, count in languages.items() if code != _READ}
    if texts and sum(foreign.values()) >= FOREIGN_SHARE * texts:
        most = sorted(foreign, key=lambda code: -foreign[code])[:3]
        shown = ", ".join(f"{code} {foreign[code]:,}" for code in most)
        found.append(
            f"{sum(foreign.values()):,} of {texts:,} texts are not English ({shown}): the default "
            "models do not read these languages"
        )
    return found
