# make demo [PROMPT="..."] [OUT=video.mp4]
# make test | test-ui | smoke-paddle2 | test-paddlehub | score | tradeoff | notebooks | wheel | hub-modules | clean
# make bench TORCH_PYTHON=... [BENCH="--rounds 1"]

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PROMPT := an astronaut in outer space
# Taken literally and through the environment: a quote or a dollar in a prompt means nothing to make or the shell.
override PROMPT := $(value PROMPT)
override OUT := $(value OUT)
override TORCH_PYTHON := $(value TORCH_PYTHON)
export PROMPT OUT TORCH_PYTHON
# Without bytecode on disk every start would compile Paddle anew. pip leaves it to the first start (--no-compile), which
# needs a part only.
unexport PYTHONDONTWRITEBYTECODE

# $(call install,venv,constraints). pip installs opencv-python, which ppdiffusers asks for and which needs
# libGL, over opencv-python-headless; hence the last line.
define install
@echo "Installing into $(1) (some minutes, 2 GB) ..."
$(PYTHON) -m venv $(1)
$(1)/bin/pip install --quiet --upgrade pip
$(1)/bin/pip install --quiet --no-compile -c $(2) -e '.[$(EXTRAS)]'
$(1)/bin/pip install --quiet --no-compile --no-deps --force-reinstall -c $(2) opencv-python-headless
@touch $(1)/installed
endef

.PHONY: demo test test-ui smoke-paddle2 test-paddlehub score tradeoff notebooks wheel hub-modules bench clean

demo: .venv/installed
	.venv/bin/ppt2v text2video $${OUT:+--out "$$OUT"} -- "$$PROMPT"

test: .venv/installed
	.venv/bin/pytest -q

# In Chromium (Debian's package of that name); says so where there is none.
test-ui: .venv/installed
	.venv/bin/pytest -q -rs -m browser

smoke-paddle2: .venv-paddle2/installed
	.venv-paddle2/bin/pytest -q -m smoke

test-paddlehub: .venv-paddlehub/installed
	.venv/bin/pytest -q -m paddlehub

notebooks: .venv/installed
	.venv/bin/python notebooks/sources/build.py

score: .venv/installed
	.venv/bin/python -m training.judge.pictures
	.venv/bin/python -m training.judge.guided
	.venv/bin/python -m training.judge.smoothing

tradeoff: .venv/installed
	.venv/bin/python -m training.judge.tradeoff

wheel: .venv/installed
	rm -rf build
	.venv/bin/pip wheel --quiet --no-deps --wheel-dir dist .

hub-modules: wheel
	.venv/bin/python paddlehub/build.py dist

bench: .venv/installed
	.venv/bin/python benchmarks/bench.py --torch-python "$$TORCH_PYTHON" $(BENCH)

clean:
	rm -rf .venv .venv-paddle2 .venv-paddlehub .pytest_cache build dist ppt2v.egg-info
	find ppt2v pipelines tests training benchmarks notebooks -name __pycache__ -exec rm -rf {} +

.venv/installed: EXTRAS := cpu,dev,ui
.venv/installed: setup.py pyproject.toml constraints.txt
	$(call install,.venv,constraints.txt)

.venv-paddle2/installed: EXTRAS := cpu,dev
.venv-paddle2/installed: setup.py pyproject.toml constraints-paddle2.txt
	$(call install,.venv-paddle2,constraints-paddle2.txt)

# What PaddleHub needs beside the packages in .venv, and those: its own dependencies would bring others in.
.venv-paddlehub/installed: paddlehub/requirements.txt .venv/installed
	.venv/bin/python -m venv --clear .venv-paddlehub
	.venv-paddlehub/bin/pip install --quiet --no-deps -r paddlehub/requirements.txt
	.venv/bin/python -c "import sysconfig; print(f'import site; site.addsitedir({sysconfig.get_path(\"purelib\")!r})')" \
		> $$(echo .venv-paddlehub/lib/python*/site-packages)/dependencies.pth
	@touch $@
