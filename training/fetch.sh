#!/bin/sh
# Fetches the sprites into the folder given (16 MB; Microsoft Fluent 3D emoji, MIT).
set -eu
mkdir -p "$1" && cd "$1"
npm pack --silent @lobehub/fluent-emoji-3d@1.1.0
tar xzf lobehub-fluent-emoji-3d-1.1.0.tgz --strip-components=2 package/assets
rm lobehub-fluent-emoji-3d-1.1.0.tgz
