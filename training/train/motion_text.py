"""Teaches the embedded text encoder to tell motions apart, before the text-to-video models are trained on it (PyTorch).

The image model's encoder takes no notice of words that no picture's caption held: "left" and "right" came out alike,
and a video UNet trained with it learned no directions. It is trained here on texts alone, until it gives for a caption
with a motion what the image model's gives for the caption without, plus a direction of the motion's own: so the layers
that the video models inherit still understand the rest.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPTextModel

from training.pictures import moving
from training.pictures.sprites import PLACES, SUBJECTS, caption
from training.train.guided import Base

STEPS, BATCH, RATE = 1500, 48, 2e-3
STRENGTH = 0.5  # standard deviation of a motion's direction; that of the encodings is 0.9


def directions(width: int) -> dict[str, torch.Tensor]:
    """A direction for each motion, ``[width]``, orthogonal to one another."""
    random = torch.randn(width, len(moving.MOTIONS), generator=torch.Generator().manual_seed(0))
    columns = torch.linalg.qr(random).Q.T * STRENGTH * width**0.5
    return dict(zip(moving.MOTIONS, columns))


def load(base: Base, out: Path) -> CLIPTextModel:
    """The encoder for the trainings in ``out``, which the first of them makes and keeps there; not to be changed."""
    file, student = out / "motion_text.pt", copy.deepcopy(base.networks.text)
    if not file.exists():
        out.mkdir(parents=True, exist_ok=True)
        torch.save(taught(base).state_dict(), file)
    student.load_state_dict(torch.load(file))
    return student.eval().requires_grad_(False)


def taught(base: Base) -> CLIPTextModel:
    """A copy of the image model's text encoder that tells motions apart."""
    teacher, student = base.networks.text, copy.deepcopy(base.networks.text).train().requires_grad_(True)
    rng, ways = np.random.default_rng(0), directions(teacher.config.hidden_size)
    optimizer = torch.optim.AdamW(student.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(1, STEPS + 1):
        tokens, wanted = _examples(teacher, base.encode, rng, ways)
        loss = F.mse_loss(student(tokens)[0], wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 300 == 0:
            print(f"text encoder: step {step} loss {loss.item():.4f}", flush=True)
    return student


@torch.no_grad()
def _examples(teacher: CLIPTextModel, encode, rng: np.random.Generator, ways) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens of captions, of which one in four is without motion, and what the encoder is to make of them."""
    tokens, plain, sources, added = [], [], [], []
    for _ in range(BATCH):
        subject, place, kind = (str(rng.choice(list(names))) for names in (SUBJECTS, PLACES, moving.MOTIONS))
        still = caption(rng, subject, place)
        words = "" if rng.random() < 0.25 else str(rng.choice(moving.MOTIONS[kind]))
        text = still.replace(subject, f"{subject} {words}", 1) if words else still
        [before, long, short] = encode([still[: still.index(subject) + len(subject)], text, still])
        last = before.index(before[-1]) - 1  # of the subject's words; the text's end follows
        count = len(encode([words])[0]) - encode([words])[0].count(long[-1]) - 1 if words else 0
        positions = np.arange(len(long))
        tokens.append(long)
        plain.append(short)
        sources.append(np.where(positions <= last + count, np.minimum(positions, last), positions - count))
        added.append((positions[:, None] > last) * ways[kind].numpy() * bool(words))
    encoded = teacher(torch.tensor(plain))[0]
    rows = torch.from_numpy(np.stack(sources))[..., None].expand_as(encoded)
    return torch.tensor(tokens), encoded.gather(1, rows) + torch.from_numpy(np.stack(added)).float()
