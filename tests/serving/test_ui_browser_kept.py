"""What the page keeps and offers, in Chromium: running jobs, drafts, videos, models, adapters, and its looks."""

from __future__ import annotations

import re
import shutil

import pytest
from browsing import LONG, PATIENCE, SHORT, button, choose, field, generate, open_group, open_tab, recipe, seen, tab
from served_page import ADAPTERS, MODEL

pytest_plugins = ["served_page"]
pytest.importorskip("gradio", minversion="6.17")
expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="there is no Chromium (Debian: apt-get install chromium)"
    ),
]
expect.set_options(timeout=PATIENCE)

OWN = f"{MODEL.name} ("  # how the list names the folder

# What stands on a Chinese page in Latin letters: names, and what a model reads, which is English.
NAMES = re.compile(
    r"(ppt2v|PaddlePaddle|Text2Video-Zero|English|GB|ID|embedded[\w/]*|Stable Diffusion XL|Stable|LoRA|VAE|CLIP|UNet"
    r"|DDIM|DDPM|VideoFusion|FreeU|PAG|RIFE"
    r"|[\w./-]*/[\w./-]+|T0|T1|DPM\+\+ 2M|Karras|Lightning|Hyper|Turbo|trailing|leading|linspace"
    r"|ddim|dpm\w*(\+\+)?\w*|euler\w*|heun|lms|unipc|lcm|tcd|_karras|u2netp?\.pth|flownet\.pkl|epsilon|v_prediction|sample|mp4|webm"
    r"|networks|blocks|none|eager|GPU|first|previous|\-\-motion|pan|zoom|rotate|ease|a fox at sunset|a fox at night"
    r"|kohya|safetensors|MP4|a fox in the snow|an astronaut in outer space|a rocket at sunset)"
)


def latin(page) -> list[str]:
    """The words in Latin letters that can be read on the page, apart from names."""
    written = page.locator("body").inner_text()
    placeholders = page.eval_on_selector_all("[placeholder]", "each => each.map(e => e.placeholder)")
    return re.findall(r"[A-Za-z]{2,}", NAMES.sub(" ", "\n".join([written, *placeholders])))


def test_a_running_job_survives_a_reload_the_other_language_and_a_dead_network(visit):
    page = visit()
    open_tab(page, "text2video", LONG, "a fox in the snow")
    generate(page)
    expect(seen(page, ".panel progress[value]")).to_be_visible()
    page.reload()
    expect(field(page, "Prompt")).to_have_value("a fox in the snow")
    expect(field(page, "Frames")).to_have_value("64")
    expect(seen(page, ".panel progress[value]")).to_be_visible()
    page.get_by_role("link", name="中文").click()
    expect(field(page, "提示词")).to_have_value("a fox in the snow")
    expect(seen(page, "[role=status]")).to_contain_text("正在生成画面")
    page.context.set_offline(True)
    before = seen(page, "[role=status]").inner_text()
    page.wait_for_timeout(3000)
    page.context.set_offline(False)
    expect(seen(page, "[role=status]")).not_to_have_text(before)
    button(page, "停止").click()
    expect(seen(page, "[role=status]")).to_have_text("已停止。")
    page.close()


def test_in_chinese_on_a_phone_a_video_is_made_found_again_repeated_and_deleted(visit, tmp_path):
    page = visit("zh-CN", width=390, height=844)
    choose(page, "模型", OWN)
    expect(field(page, "步数")).to_have_value("50")  # of this model: what it brings along is there
    for label, value in {"帧数": "2", "步数": "2", "大小": "16", "提示词": "a fox in the snow"}.items():
        field(page, label).fill(value)
        field(page, label).blur()
    for group in ("运动", "引导", "速度与内存", "适配器", "文件"):
        open_group(page, group)
    assert latin(page) == []
    expect(generate(page, "生成")).to_be_visible()
    made = recipe(page, tmp_path)["parameters"]
    assert made["model_name"] == str(MODEL) and made["num_inference_steps"] == made["video_length"] == 2
    assert latin(page) == []
    page.reload()
    figure = page.locator(".videos figure")
    expect(figure).to_have_count(1)
    expect(figure).to_contain_text(f"随机种子 {made['seed']}")
    expect(figure.locator("time")).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d$"))
    expect(seen(page, ".panel video")).to_be_visible()
    tab(page, "synthesize", "zh").click()
    figure.get_by_role("button", name="使用这些设置").click()
    expect(field(page, "随机种子")).to_have_value(str(made["seed"]))
    expect(field(page, "步数")).to_have_value("2")
    assert latin(page) == []
    expect(generate(page, "生成")).to_be_visible()
    again = recipe(page, tmp_path)["parameters"]
    assert {**again, "save_path": None} == {**made, "save_path": None}
    expect(figure).to_have_count(2)
    page.on("dialog", lambda dialog: dialog.accept())
    for left in (1, 0):
        figure.first.get_by_role("button", name="删除").click()
        expect(figure).to_have_count(left)
    expect(seen(page, ".panel video")).to_have_count(0)
    expect(page.locator(".videos")).to_have_text("生成的视频会显示在这里。")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()


def test_the_seed_is_used_again_or_drawn_anew(pages):
    page = pages[0]
    open_tab(page, "text2video", SHORT, "a dog")
    expect(generate(page)).to_be_visible()
    seed = re.search(r"Seed (\d+)", seen(page, "[role=status]").inner_text()).group(1)
    button(page, "Again").click()
    expect(field(page, "Seed")).to_have_value(seed)
    button(page, "Random").click()
    expect(field(page, "Seed")).to_have_value("")


def test_a_model_is_typed_in_and_an_unknown_one_is_told(pages):
    page = pages[1]
    open_tab(page, "text2video", SHORT, "a dog")
    for name, said in (("no model at all", "unknown model"), (str(ADAPTERS), "is no model")):
        page.get_by_label("Model", exact=True).locator("visible=true").fill(name)
        page.keyboard.press("Enter")
        button(page, "Generate").click()
        expect(seen(page, ".refusal .failure")).to_contain_text(said)
    choose(page, "Model", "embedded (")


def test_a_model_is_downloaded_with_progress_stopped_and_gone_on_with(pages, store):
    page, name = pages[2], "CompVis/stable-diffusion-v1-4"
    open_tab(page, "text2video", SHORT, "a dog")
    choose(page, "Model", f"{name} (4.28 GB, to be downloaded)")
    expect(seen(page, ".block.download")).to_contain_text("about 4.3 GB")
    button(page, "Generate").click()
    expect(seen(page, ".refusal .failure")).to_contain_text("is not here yet: download it first")
    button(page, "Download").click()
    expect(seen(page, ".download progress")).to_be_visible()
    page.reload()
    expect(seen(page, ".download [role=status]")).to_contain_text("Downloading")
    button(page, "Cancel").click()
    expect(button(page, "Download")).to_be_visible()
    store.go.set()
    button(page, "Download").click()
    expect(seen(page, ".block.download")).to_have_count(0)
    expect(generate(page)).to_be_visible()
    page.get_by_label("Model", exact=True).locator("visible=true").click()
    expect(page.get_by_role("option").filter(has_text=re.compile(f"{name} .*, here"))).to_be_visible()
    page.get_by_role("option").filter(has_text="embedded (", visible=True).first.click()


def test_adapters_of_the_folder_are_chosen_with_a_strength(visit, tmp_path):
    page = visit()
    open_tab(page, "text2video", {**SHORT, "Size": "16"}, "a dog")
    choose(page, "Model", OWN)
    open_group(page, "Adapters")
    choose(page, "Files for: LoRA files", "kohya.safetensors")
    field(page, "number input for Strength").fill("0.5")
    field(page, "number input for Strength").blur()
    button(page, "Add").first.click()
    expect(field(page, "LoRA files")).to_have_value("kohya.safetensors:0.5")
    expect(generate(page)).to_be_visible()
    assert recipe(page, tmp_path)["parameters"]["lora"] == [f"{ADAPTERS}/kohya.safetensors:0.5"]
    page.reload()
    page.locator(".videos figure").get_by_role("button", name="Use these settings").click()
    open_group(page, "Adapters")
    expect(field(page, "LoRA files")).to_have_value("kohya.safetensors:0.5")
    page.close()


# The contrast of what is written small to what is behind it, as WCAG 2.2 defines it, with the text.
CONTRAST = """scheme => {
    const colour = text => text.match(/[\\d.]+/g).map(Number);
    const linear = part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
    const light = rgb => rgb.slice(0, 3).reduce((sum, c, n) => sum + linear(c / 255) * [.2126, .7152, .0722][n], 0);
    const behind = e => {
        for (; e; e = e.parentElement) {
            const found = colour(getComputedStyle(e).backgroundColor);
            if (found.length < 4 || found[3] === 1) return found;
        }
        return scheme === 'dark' ? [0, 0, 0] : [255, 255, 255];
    };
    const ratio = e => {
        const both = [light(colour(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
        return (both[0] + .05) / (both[1] + .05);
    };
    const small = '[data-testid=block-info], [data-testid=block-info] + *, .made, summary, .panel p';
    return [...document.querySelectorAll(small)].filter(e => e.offsetParent && e.innerText.trim())
        .map(e => [ratio(e), e.innerText]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_help_can_be_read(visit, address, scheme):
    page = visit()
    page.goto(f"{address}en/?__theme={scheme}")
    tab(page, "text2video").wait_for()
    for group in ("Motion", "Guidance"):
        open_group(page, group)
    found = page.evaluate(CONTRAST, scheme)
    assert len(found) > 20 and min(found)[0] >= 4.5, min(found)
    page.close()


def place(part) -> dict[str, float]:
    """Where a part of the page is; one that is just being put in the place of another is waited for."""
    while True:
        expect(part).to_be_visible()
        if found := part.bounding_box():
            return found


def test_the_result_takes_the_place_of_the_preview_above_the_control_map(visit):
    page = visit()
    open_tab(page, "canny", SHORT)
    generate(page)
    screen = seen(page, ".screen").first
    before = place(screen)
    expect(seen(page, ".panel video")).to_be_visible()
    assert place(screen) == before
    control_map = seen(page, "[data-part=map] img")
    assert place(control_map)["y"] >= before["y"] + before["height"]
    page.close()
