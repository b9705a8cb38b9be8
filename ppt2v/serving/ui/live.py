"""A part of the page that shows how something stands on the server, and asks again every second until it is finished.

It asks by requests of its own: a page that slept, or lost its network, goes on where the server is by then.
"""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

# A button with data-method sends that to the address, and is followed by what has come of it.
_FOLLOW = """
let turn = 0;
const pause = () => new Promise((resume) => setTimeout(resume, 1000));
const show = (parts, shown) => {
    for (const [name, html] of Object.entries(parts)) {
        if (shown[name] !== html) element.querySelector('[data-part="' + name + '"]').innerHTML = html;
        shown[name] = html;
    }
};
const follow = async () => {
    const mine = ++turn, address = props.value, shown = {};
    while (address && mine === turn) {
        try {
            const answer = await fetch(address);
            if (answer.status === 404) return;
            const { parts, finished } = await answer.json();
            if (mine !== turn) return;
            show(parts, shown);
            if (finished) return trigger('finished', {});
        } catch { /* asked again */ }
        await pause();
    }
};
element.addEventListener('click', async (event) => {
    const method = event.target.dataset.method;
    if (!method) return;
    event.target.disabled = true;
    try { await fetch(props.value, { method }); } finally { follow(); }
});
watch('value', follow);
follow();
"""


def live(parts: Sequence[str], **about) -> gr.HTML:
    """A component whose value is an address of the server, or "" for nothing; its event is ``finished``.

    The address answers JSON: ``parts``, HTML by the names of the parts that have changed or not, of which each is put
    into its place only where it is new; and ``finished``.

    Args:
        parts: their names, from top to bottom.
        about: further arguments of ``gr.HTML``.
    """
    places = "".join(f"<div data-part='{part}'></div>" for part in parts)
    template = f"<div class='panel' data-address='${{value}}'>{places}</div>"
    return gr.HTML("", html_template=template, js_on_load=_FOLLOW, **about)
