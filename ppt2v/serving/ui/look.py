"""What the page looks like: its fonts, its colours, its style."""

from __future__ import annotations

from typing import Any

import gradio as gr

# Gradio's own themes fetch their fonts from Google.
_FONTS = {
    "font": [gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")],
    "font_mono": [gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")],
}
# Those of Gradio for help and placeholders have a contrast below 4.5 (WCAG 2.2, 1.4.3).
_COLOURS = {
    "block_info_text_color": "*neutral_600",
    "block_info_text_color_dark": "*neutral_300",
    "input_placeholder_color": "*neutral_600",
    "input_placeholder_color_dark": "*neutral_400",
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_300",
}

CSS = """
.panel { display: flex; flex-direction: column; gap: .5rem; }
/* as high before a video is there as with it, so that nothing jumps */
.screen { height: min(24rem, 90vw); border-radius: .5rem; overflow: hidden;
    background: var(--background-fill-secondary); }
.screen video, .screen img { width: 100%; height: 100%; object-fit: contain; }
.status { min-height: 4rem; }
.panel progress { width: 100%; }
.panel pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; }
.failure { border-left: .25rem solid #dc2626; padding-left: .75rem; overflow-wrap: anywhere; }
.advice { border-left: .25rem solid #d97706; padding-left: .75rem; overflow-wrap: anywhere; }
.videos { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
.videos figure { margin: 0; }
.videos video { width: 100%; height: 13rem; object-fit: contain; border-radius: .5rem;
    background: var(--background-fill-secondary); }
.videos figcaption { overflow-wrap: anywhere; font-size: .85rem; }
.videos .made { color: var(--body-text-color-subdued); }
.videos .actions { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.panel button, .videos button { border: 1px solid var(--border-color-primary); border-radius: .375rem;
    padding: .25rem .6rem; background: var(--button-secondary-background-fill);
    color: var(--button-secondary-text-color); cursor: pointer; }
.panel button, .videos button { font-size: .85rem; font-weight: normal; }
.videos time { color: inherit; }
.download:has([data-address=""]), .refusal:not(:has(.failure)) { display: none; }
.folded > *, .folded .form > * { min-width: min(100%, 14rem) !important; }
@media (max-width: 640px) {
    .basics [data-testid="block-info"] + * { display: none; }
    .gradio-container { padding: .5rem !important; }
}
/* it would fetch a program from elsewhere; the advanced options can do the same */
button[aria-label="Trim video to selection"] { display: none !important; }
footer { display: none !important; }
"""


def look(language: str) -> dict[str, Any]:
    """What a page is mounted with: its theme, its style, and the language that it tells the browser."""
    speak = f"() => {{ document.documentElement.lang = '{language}' }}"
    return {"theme": gr.themes.Default(**_FONTS).set(**_COLOURS), "css": CSS, "js": speak}
