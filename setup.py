from __future__ import annotations

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# The upper bounds keep out releases with which ppdiffusers 0.29 and paddlenlp 2.8 no longer import, although their own
# metadata allows them.
PADDLE_STACK = [
    "aistudio-sdk>=0.2.6,<0.3",
    "huggingface_hub>=0.23,<1",
    "numpy>=1.23",
    "paddlenlp>=2.8,<2.9; python_version < '3.12'",
    "ppdiffusers>=0.29,<0.30; python_version < '3.12'",
]
# From Python 3.12 on the last two are installed without their dependencies (README), of which some have no build for
# it, or ask for numpy 1, and are never called by ppt2v. Those that they import are named here.
IMPORTED_BY_PADDLE_STACK = [
    "colorlog",
    "datasets>=2.20",
    "einops",
    "fastapi",
    "ftfy",
    "jieba",
    "Jinja2",
    "regex",
    "sentencepiece",
    "seqeval",
]
# From 0.132 on FastAPI refuses a body without a content type, which a web page may send from anywhere.
# From 1.0.1 on Starlette looks at the Host header before it builds a URL of it.
SERVE = ["fastapi>=0.132", "python-multipart>=0.0.20", "starlette>=1.0.1", "uvicorn>=0.30"]
RAY = ["ray>=2.40"]
OWN = [
    "av>=14",
    "decord>=0.6",
    "omegaconf>=2.3",
    # Needs no libGL. By its name pip installs it after opencv-python, for which ppdiffusers asks and whose files it
    # replaces; opencv-python-headless would come first.
    "opencv-contrib-python-headless>=4.8",
    "packaging>=21",
    "Pillow>=10",
    "PyYAML>=6",
    "requests>=2.31",
    "rich>=13",
    "safetensors>=0.4",
    "scikit-image>=0.22",
    "typer>=0.12",
]

# Packages that lie elsewhere in the repository. An editable install leaves them out, since `ppt2v` finds them there by
# itself: so it is this folder on the path, where with them it would be an import hook, which is asked only when nothing
# on the path has the name, and the folder of a clone that is called ppt2v has it.
FOLDERS = {
    **{
        f"ppt2v.{package}": package.replace(".", "/") for package in find_packages(include=["pipelines", "pipelines.*"])
    },
    "ppt2v.embedded": "__assets__/embedded",
    "ppt2v.samples": "__assets__/clips",
}
EDITABLE = "editable_wheel" in sys.argv

setup(
    name="ppt2v",
    version=re.search(r'__version__ = "(.+)"', (HERE / "ppt2v" / "version.py").read_text("utf-8")).group(1),
    description="Text to video on PaddlePaddle with pretrained diffusion models",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="ppt2v authors",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["ppt2v", "ppt2v.*"]) + ([] if EDITABLE else list(FOLDERS)),
    package_dir={"": "."} | ({} if EDITABLE else FOLDERS),
    package_data={
        "ppt2v": ["py.typed"],
        "ppt2v.models.layouts": ["clip_merges.txt.gz"],
        "ppt2v.samples": ["**/*.mp4", "**/*.png", "**/*.md"],
        "ppt2v.embedded": ["**/*.json", "**/*.md", "**/*.txt", "**/*.safetensors"],
    },
    install_requires=[
        *PADDLE_STACK,
        *(f"{package}; python_version >= '3.12'" for package in IMPORTED_BY_PADDLE_STACK),
        *OWN,
    ],
    extras_require={
        "cpu": ["paddlepaddle>=2.6.2,<4", "openvino>=2024.6"],
        # 2.6.2, the newest in the package registry, was built for numpy 1.
        "gpu": ["paddlepaddle-gpu>=2.6.2,<4", "numpy<2; python_version < '3.13'"],
        # These versions bring their models along, later ones do not; they need protobuf < 5.
        "pose": ["mediapipe>=0.10.14,<0.10.22"],
        "serve": SERVE,
        "ray": RAY,
        "ui": ["gradio>=6.17,<7"],
        "dev": [
            "httpx>=0.27",
            "imageio>=2.31",
            "ipykernel>=6",
            "Jinja2>=3",
            "jupytext>=1.16",
            "mypy>=1.18",
            "nbclient>=0.8",
            "nbformat>=5.7",
            "playwright>=1.49",
            "pytest>=7",
            "pytest-xdist>=3.6",
            "ruff>=0.14",
            "schemathesis>=4",
            "setuptools>=64",
            "wheel",
            *SERVE,
            *RAY,
        ],
    },
    entry_points={"console_scripts": ["ppt2v = ppt2v.cli:main"]},
)
