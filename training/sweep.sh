#!/bin/sh
# Trains VideoFusion models that differ in the share of the base noise (the paper's lambda), and prints their figures.
#   training/sweep.sh SPRITES OUT MINUTES TORCH_PYTHON PYTHON [START]
# Needs a Python with PyTorch and one with ppt2v. All begin with the weights of the state START, else with the same
# random residual generator.
set -eu
sprites=$1 out=$2 minutes=$3 torch_python=$4 python=$5 start=${6-} given=$#
here=$(dirname "$0")
for share in 0.1 0.25 0.5 0.75 0.9; do
    name="$out/video_fusion-$share"
    "$torch_python" "$here/train_video_fusion.py" "$sprites" "$out" --lambda "$share" --minutes "$minutes" \
        ${start:+--start "$start"}
    "$torch_python" "$here/export_video_fusion.py" "$name.pt" "$name"
    set -- "$@" "$name"
done
shift "$given"
"$python" "$here/judge_video_fusion.py" "$@"
