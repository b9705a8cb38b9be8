#!/usr/bin/env bash
# transformers 5.24.0 and 4.57.6, ftfy 6.3.1; numpy 2.2.6
#
# Guess:   CLIPTokenizer of one vocabulary makes the same tokens of a prompt in every release, whatever else is installed.
# Reality: 4.57.6 mends the text first if ftfy happens to be installed, as CLIP's own tokenizer always does: curly quotes and full-width
#          letters and commas become plain ones. Without ftfy it does not, and 5.24.0 never does, ftfy or not. The plain and the curly
#          apostrophe are other tokens.
# Seen:    "a dog’s boat，red": as "a dog's boat,red" by 4.57.6 with ftfy alone; in the two other environments ’ and ， stay as they were typed;
#          plain text: the same in all three
# Matters: phones and word processors type ’ and “, Chinese keyboards ，: the same prompt and seed make another video after an upgrade or in a
#          smaller image, and what CLIP is told are tokens that its training's tokenizer never made. Nothing is logged.
# Holds:   on any processor; a vocabulary of single bytes, no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/tokens.py" <<'PY'
import json
import sys
from pathlib import Path

from transformers import CLIPTokenizer

TYPED, PLAIN = "a dog’s boat，red", "a dog's boat,red"


def letters() -> list[str]:
    """The characters that stand for the 256 bytes in byte-level BPE: themselves where they can be printed."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printed]
    return [chr(byte) for byte in printed] + [chr(256 + place) for place in range(len(hidden))]


folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
vocabulary = [*letters(), *(f"{letter}</w>" for letter in letters()), "<|startoftext|>", "<|endoftext|>"]
(folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(vocabulary)}))
(folder / "merges.txt").write_text("#version: 0.2\n")
(folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77}))
tokenizer = CLIPTokenizer.from_pretrained(folder)
typed, plain = (tokenizer(text)["input_ids"] for text in (TYPED, PLAIN))
print("as plain text" if typed == plain else "as typed", plain[:4])
PY
asked() { # the name of the environment, then what is installed
  "${PYTHON:-python3}" -m venv "$folder/$1"
  "$folder/$1/bin/pip" install --quiet numpy==2.2.6 "${@:2}"
  HF_HUB_OFFLINE=1 "$folder/$1/bin/python" "$folder/tokens.py" "$folder/tokenizer" 2> "$folder/log" || { cat "$folder/log"; exit 1; }
}
mended=$(asked old-with transformers==4.57.6 ftfy==6.3.1)
bare=$(asked old-without transformers==4.57.6)
new=$(asked new-with transformers==5.24.0 ftfy==6.3.1)
echo "4.57.6 with ftfy: $mended; 4.57.6 without: $bare; 5.24.0 with ftfy: $new"
start=${mended#as plain text }
[ "$mended" = "as plain text $start" ] && [ "$bare" = "as typed $start" ] && [ "$new" = "as typed $start" ] || { echo "the behaviour has changed"; exit 1; }
