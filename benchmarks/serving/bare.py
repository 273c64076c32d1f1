"""What a server is held against: the same ONNX session in bare loops, without HTTP around it."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from common.config.schema import Settings
from common.models.registry import TOKENIZER, model_folder, require_production_id, served_model
from common.onnx.model import OnnxModel
from common.text import natural_text


def bare_loops(settings: Settings, texts: Sequence[str], *, seconds: float) -> float:
    """Texts a second of as many loops as the server has workers.

    A turn cleans, tokenizes and runs one text, and leaves the logits as they are.
    """
    models = settings.paths.models
    folder = model_folder(models, require_production_id(models))
    limit, threads = settings.training.max_length, settings.serving.threads
    model = OnnxModel(
        folder / served_model(folder), folder / TOKENIZER, max_length=limit, threads=threads
    )
    loops = settings.serving.workers or os.cpu_count() or 1

    def loop(turn: int) -> int:
        turns = 0
        while time.perf_counter() < deadline:
            model.run([natural_text(texts[(turn + turns * loops) % len(texts)])])
            turns += 1
        return turns

    started = time.perf_counter()
    deadline = started + seconds
    with ThreadPoolExecutor(loops) as pool:
        done = sum(pool.map(loop, range(loops)))
    return done / (time.perf_counter() - started)
