from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# The upper bounds keep out releases with which ppdiffusers 0.29 and paddlenlp 2.8 no longer import, although their own
# metadata allows them.
PADDLE_STACK = [
    "aistudio-sdk>=0.2.6,<0.3",
    "datasets>=2.20,<3",
    "huggingface_hub>=0.23,<0.26",
    "numpy>=1.23,<2",
    "paddlenlp>=2.8,<2.9",
    "ppdiffusers>=0.29,<0.30",
    "pyarrow>=15,<22",
]
SERVE = ["fastapi>=0.115", "uvicorn>=0.30"]
RAY = ["ray>=2.40"]
OWN = [
    "av>=14",
    "decord>=0.6",
    "omegaconf>=2.3",
    "opencv-python-headless>=4.8",
    "packaging>=21",
    "Pillow>=10",
    "PyYAML>=6",
    "requests>=2.31",
    "rich>=13",
    "safetensors>=0.4",
    "scikit-image>=0.22",
    "tqdm>=4.60",
    "typer>=0.12",
]

setup(
    name="ppt2v",
    version=re.search(r'__version__ = "(.+)"', (HERE / "ppt2v" / "version.py").read_text("utf-8")).group(1),
    description="Text to video on PaddlePaddle with pretrained diffusion models",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="ppt2v authors",
    python_requires=">=3.9,<3.13",
    packages=[
        *find_packages(include=["ppt2v", "ppt2v.*"]),
        *(f"ppt2v.{package}" for package in find_packages(include=["pipelines", "pipelines.*"])),
        "ppt2v.embedded",
        "ppt2v.samples",
    ],
    package_dir={
        "ppt2v.pipelines": "pipelines",
        "ppt2v.embedded": "__assets__/embedded",
        "ppt2v.samples": "__assets__/clips",
    },
    package_data={
        "ppt2v.models.layouts": ["clip_merges.txt.gz"],
        "ppt2v.samples": ["**/*.mp4", "**/*.png", "**/*.md"],
        "ppt2v.embedded": ["**/*.json", "**/*.md", "**/*.txt", "**/*.safetensors"],
    },
    install_requires=PADDLE_STACK + OWN,
    extras_require={
        "cpu": ["paddlepaddle>=2.6.2,<4", "openvino>=2024.6"],
        "gpu": ["paddlepaddle-gpu>=2.6.2,<4"],
        # These versions bring their models along, later ones do not; they need protobuf < 5.
        "pose": ["mediapipe>=0.10.14,<0.10.22"],
        "serve": SERVE,
        "ray": RAY,
        # The last one that goes with huggingface_hub < 0.26.
        "ui": ["gradio>=5.14,<5.15; python_version >= '3.10'"],
        "dev": [
            "httpx>=0.27",
            "imageio>=2.31",
            "ipykernel>=6",
            "Jinja2>=3",
            "jupytext>=1.16",
            "nbclient>=0.8",
            "nbformat>=5.7",
            "playwright>=1.49",
            "pytest>=7",
            "schemathesis>=4",
            "setuptools>=64",
            "wheel",
            *SERVE,
            *RAY,
        ],
    },
    entry_points={"console_scripts": ["ppt2v = ppt2v.cli:main"]},
)
