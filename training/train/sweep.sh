#!/bin/sh
# Trains VideoFusion models that differ in the share of the base noise (the paper's lambda), and prints their figures.
#   training/train/sweep.sh SPRITES OUT MINUTES CLIPS TORCH_PYTHON PYTHON
# In the repository's folder; needs a Python with PyTorch and one with ppt2v.
set -eu
sprites=$1 out=$2 minutes=$3 clips=$4 torch_python=$5 python=$6 given=$#
for share in 0.1 0.25 0.5 0.75 0.9; do
    name="$out/video_fusion-$share"
    "$torch_python" -m training.train.video_fusion "$sprites" "$out" --lambda "$share" --minutes "$minutes"
    "$torch_python" -m training.export.video_fusion "$name.pt" "$name"
    set -- "$@" "$name"
done
shift "$given"
"$python" -m training.judge.video_fusion --clips "$clips" "$@"
