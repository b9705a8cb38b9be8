# ppt2v on a CPU: docker build -t ppt2v . && docker run --rm -v "$PWD:/work" ppt2v ppt2v text2video "a fox in the snow"

FROM python:3.11-slim AS wheel
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.11-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

# What ppt2v needs is a layer of its own, which is built anew only when these files change.
COPY setup.py README.md constraints.txt /requirements/
COPY ppt2v/version.py /requirements/ppt2v/
RUN cd /requirements \
    && mkdir -p __assets__/embedded __assets__/clips \
    && pip install --no-cache-dir -c constraints.txt '.[cpu,serve,ui,ray]' \
    && pip uninstall --yes ppt2v
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps /wheels/*.whl

# Whatever user runs it may write there: videos, and what is downloaded or computed once.
RUN useradd ppt2v && mkdir --mode 1777 /work /cache
ENV HOME=/cache LOGNAME=ppt2v RAY_USAGE_STATS_ENABLED=0
USER ppt2v
WORKDIR /work
CMD ["ppt2v", "--help"]
