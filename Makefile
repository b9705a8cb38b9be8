# make demo [PROMPT="..."] [OUT=video.mp4]
# make lint | test | test-slow | test-ui | smoke-paddle2 | smoke-py313 | test-paddlehub | score | tradeoff | steadiness
#     | notebooks | wheel | hub-modules | constraints | clean
# make score PRECISION=int8
# make bench TORCH_PYTHON=... [BENCH="--rounds 1"]
# make campaign [CAMPAIGN="--share 0.1 --only models"]

# The Pythons that serve, the best tested first; PYTHON=... names one by its command.
PYTHONS := 3.11 3.12 3.13 3.10
# Processes that share the tests.
WORKERS := 2
PROMPT := an astronaut in outer space
# Taken literally and through the environment: a quote or a dollar in a prompt means nothing to make or the shell.
override PROMPT := $(value PROMPT)
override OUT := $(value OUT)
override TORCH_PYTHON := $(value TORCH_PYTHON)
export PROMPT OUT TORCH_PYTHON
# Without bytecode on disk every start would compile Paddle anew. pip leaves it to the first start (--no-compile), which
# needs a part only.
unexport PYTHONDONTWRITEBYTECODE

# $(call find,folder,versions): a shell command that prints the first Python of these versions that is here and has its
# venv module: the folder's own, PYTHON, those on the path, those of pyenv, which keeps them off the path.
define find
for python in $(1)/bin/python $(PYTHON) $(foreach version,$(2),python$(version) \
	$(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/$(version).*/bin/python)); do \
	$$python -c 'import ensurepip, sys; sys.exit("%d.%d" % sys.version_info[:2] not in sys.argv)' $(2) 2> /dev/null && \
	echo $$python && break; done
endef

# $(call venv,folder,versions): makes a virtual environment of it, else of one that uv fetches.
define venv
@python=$$($(call find,$(1),$(2))); \
if [ "$$python" = $(1)/bin/python ]; then exit; \
elif [ -n "$$python" ]; then $$python -m venv --clear $(1); \
elif command -v uv > /dev/null; then uv venv --quiet --clear --seed --python $(or $(word 2,$(2)),$(2)) $(1); \
else echo "No Python $(2) with its venv module is here (Debian: python3-venv), nor uv, which would fetch one" >&2; exit 1; fi
endef

# $(call install,folder,constraints,versions). From Python 3.12 on setup.py leaves out the two of the last line, whose
# dependencies have no build for it or ask for numpy 1.
define install
$(call venv,$(1),$(3))
@echo "Installing into $(1) (some minutes, 2 GB) ..."
$(1)/bin/pip install --quiet --upgrade pip
$(1)/bin/pip install --quiet --no-compile -c $(2) -e '.[$(EXTRAS)]'
$(1)/bin/pip install --quiet --no-compile --no-deps ppdiffusers==0.29.0 paddlenlp==2.8.1
@touch $(1)/installed
endef

.PHONY: demo lint test test-slow test-ui smoke-paddle2 smoke-py313 test-paddlehub score tradeoff steadiness notebooks constraints wheel hub-modules bench campaign clean

demo: .venv/installed
	.venv/bin/ppt2v text2video $${OUT:+--out "$$OUT"} -- "$$PROMPT"

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# A file's tests stay together, for what they share. Threads that wait leave the processor to the other process.
test: .venv/installed
	OMP_WAIT_POLICY=PASSIVE .venv/bin/pytest -q -n $(WORKERS) --dist loadfile

# What takes long and is not the heart of it.
test-slow: .venv/installed
	OMP_WAIT_POLICY=PASSIVE .venv/bin/pytest -q -n $(WORKERS) -m slow

# In Chromium (Debian's package of that name); says so where there is none.
test-ui: .venv/installed
	OMP_WAIT_POLICY=PASSIVE .venv/bin/pytest -q -rs -n $(WORKERS) --dist loadfile -m browser tests/serving

smoke-paddle2: .venv-paddle2/installed
	.venv-paddle2/bin/pytest -q -m smoke

# On another set of packages: numpy 2.5 and urllib3 2.
smoke-py313:
	@if [ -n "$$($(call find,.venv-py313,3.13))" ] || command -v uv > /dev/null; then \
		$(MAKE) .venv-py313/installed && .venv-py313/bin/pytest -q -m smoke; \
	else echo "No Python 3.13 is here, nor uv, which would fetch one: nothing is tested on it"; fi

test-paddlehub: .venv-paddlehub/installed
	.venv/bin/pytest -q -m paddlehub tests/hubs

notebooks: .venv/installed
	.venv/bin/python notebooks/sources/build.py

# PRECISION=int8: in that precision, and how near its videos are to those of float32.
score: DTYPE := $(PRECISION:%=--dtype %)
score: .venv/installed
	.venv/bin/python -m training.judge.pictures $(DTYPE)
	.venv/bin/python -m training.judge.guided $(DTYPE)
	.venv/bin/python -m training.judge.smoothing $(DTYPE)
	$(if $(DTYPE),.venv/bin/python -m training.judge.closeness $(DTYPE))

tradeoff: .venv/installed
	.venv/bin/python -m training.judge.tradeoff

# What --steady is worth, on twelve clips; what is made is kept in STEADINESS, and a run that was stopped goes on.
STEADINESS := steadiness
steadiness: .venv/installed
	.venv/bin/python -m training.judge.steadiness $(STEADINESS)

# The newest that goes together on each Python that serves; needs uv.
constraints:
	uv pip compile --quiet --upgrade --universal --python-version 3.10 --extra cpu --extra dev --extra ui --no-annotate \
		--custom-compile-command "make constraints" --output-file constraints.txt setup.py

wheel: .venv/installed
	rm -rf build
	.venv/bin/pip wheel --quiet --no-deps --wheel-dir dist .

hub-modules: wheel
	.venv/bin/python paddlehub/build.py dist

bench: .venv/installed
	.venv/bin/python benchmarks/bench.py --torch-python "$$TORCH_PYTHON" $(BENCH)

# Bad input, kills, full disks (mounted by root only), many at once: about an hour.
campaign: .venv/installed
	.venv/bin/python -m campaign $(CAMPAIGN)

clean:
	rm -rf .venv .venv-paddle2 .venv-py313 .venv-paddlehub .pytest_cache build dist ppt2v.egg-info
	find ppt2v pipelines tests training benchmarks campaign notebooks -name __pycache__ -exec rm -rf {} +

.venv/installed: EXTRAS := cpu,dev,ui
.venv/installed: setup.py pyproject.toml constraints.txt
	$(call install,.venv,constraints.txt,$(PYTHONS))

.venv-paddle2/installed: EXTRAS := cpu,dev
.venv-paddle2/installed: setup.py pyproject.toml constraints-paddle2.txt
	$(call install,.venv-paddle2,constraints-paddle2.txt,3.11)

.venv-py313/installed: EXTRAS := cpu,dev
.venv-py313/installed: setup.py pyproject.toml constraints.txt
	$(call install,.venv-py313,constraints.txt,3.13)

# What PaddleHub needs beside the packages in .venv, and those: its own dependencies would bring others in.
.venv-paddlehub/installed: paddlehub/requirements.txt .venv/installed
	.venv/bin/python -m venv --clear .venv-paddlehub
	.venv-paddlehub/bin/pip install --quiet --no-deps -r paddlehub/requirements.txt
	.venv/bin/python -c "import sysconfig; print(f'import site; site.addsitedir({sysconfig.get_path(\"purelib\")!r})')" \
		> $$(echo .venv-paddlehub/lib/python*/site-packages)/dependencies.pth
	@touch $@
