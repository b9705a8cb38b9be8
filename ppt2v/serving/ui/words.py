"""Chinese for the English words in the code, where the web page, the notebooks and the list of parameters show them."""

from __future__ import annotations

from collections.abc import Callable

from ppt2v.language import Message, speaking
from ppt2v.language.chinese import TABLE

WORDS = {
    # the page
    "Text to video on PaddlePaddle": "飞桨文本生成视频",
    "The model that ships with ppt2v knows about fifty subjects in about a dozen places, at 128x128 pixels. For "
    "anything else choose another model.": "随 ppt2v 附带的小模型只认识约五十种主体和十几个场景，分辨率 128x128；其他内容请换用别的模型。",
    "Generate": "生成",
    "Stop": "停止",
    "Samples": "示例",
    "Control map": "控制图",
    "Your videos": "我的视频",
    "What you make is shown here.": "生成的视频会显示在这里。",
    "Download": "下载",
    "Recipe": "配方",
    "Again": "沿用",
    "Random": "随机",
    "Use these settings": "使用这些设置",
    "Delete": "删除",
    "Delete this video for good?": "要永久删除这个视频吗？",
    # models and adapters
    "One of the list; on your own machine also the folder, file or id of another.": "从列表中选择；在自己的电脑上也可以填写其他模型的文件夹、文件或 ID。",
    "The same number makes the same video; with none each is another one.": "相同的数得到相同的视频；留空则每次不同。",
    "Files for: {what}": "可选文件：{what}",
    "Add": "添加",
    "here": "已在本机",
    "to be downloaded": "待下载",
    "This model is not here yet; it has about {gb:.1f} GB.": "本机还没有这个模型，大小约 {gb:.1f} GB。",
    "This model is not here yet.": "本机还没有这个模型。",
    "Downloading": "正在下载",
    "Cancel": "取消",
    # a run
    "Waiting; jobs ahead of yours: {ahead}": "排队中，前面还有 {ahead} 个任务",
    "Stopped.": "已停止。",
    "about {seconds} s left": "约剩 {seconds} 秒",
    "This did not work": "未能完成",
    "Something went wrong that should not have; the log of the service says what.": "出现意外错误，详情见服务日志。",
    "Too many jobs wait already: try again later.": "排队的任务太多，请稍后再试。",
    "The disk of this service is full: its operator has to make room.": "服务器磁盘已满，请联系管理员清理空间。",
    "Preparing the model": "正在准备模型",
    "Reading the clip": "正在分析片段",
    "Making the frames": "正在生成画面",
    "Finishing the frames": "正在完成画面",
    "frame {done} of {total}": "第 {done} / {total} 帧",
    "Done.": "已完成。",
    # the modes
    "text2video": "文本生成视频",
    "synthesize": "视频模型",
    "animate": "生成动画",
    "pix2pix": "编辑视频",
    "pose": "跟随姿态",
    "canny": "跟随边缘",
    "depth": "跟随深度",
    "canny-db": "跟随边缘（自己的主体）",
    "controlnet": "其他控制图",
    # parameters
    "Prompt": "提示词",
    "Video path": "视频片段",
    "Init video": "起始片段",
    "Frames": "帧数",
    "Resolution": "大小",
    "Negative prompt": "反向提示词",
    "Added prompt": "附加提示词",
    "Seed": "随机种子",
    "Steps": "步数",
    "Guidance scale": "引导强度",
    "Guidance stop": "引导截止",
    "Image guidance scale": "图像引导强度",
    "T0": "噪声水平 T0",
    "T1": "噪声水平 T1",
    "Eta": "随机程度",
    "Vae": "自编码器（VAE）",
    "Prediction type": "预测类型",
    "Content seed": "内容种子",
    "Solver": "采样器",
    "Fast": "快速",
    "Clip skip": "CLIP 跳层",
    "Chunk size": "分块大小",
    "Cross frame attention": "跨帧注意力",
    "Merging ratio": "令牌合并比例",
    "Cache interval": "缓存间隔",
    "Motion field strength x": "向左运动",
    "Motion field strength y": "向上运动",
    "Motion field": "运动场",
    "Smooth background": "背景平滑",
    "Background kept": "背景保留比例",
    "Saliency": "显著性网络",
    "Motion module": "运动模块",
    "Motion window": "运动窗口",
    "Start t": "起始时间",
    "End t": "结束时间",
    "Out fps": "抽帧帧率",
    "Audio": "声音",
    "Strength": "强度",
    "Shared noise": "共享噪声",
    "Control": "控制类型",
    "Control strength": "控制强度",
    "Control keyframes": "逐帧控制强度",
    "Control start": "控制起点",
    "Control end": "控制终点",
    "Guess mode": "猜测模式",
    "Kind": "控制图类型",
    "Controlnet": "ControlNet 模型",
    "Also": "附加控制",
    "Low threshold": "低阈值",
    "High threshold": "高阈值",
    "Detector": "检测器",
    "Lora": "LoRA 文件",
    "Textual inversion": "文本反转文件",
    "Tokenizer": "分词器",
    "Memory": "内存上限",
    "Tile": "分块预测",
    "Decode tile": "分块解码",
    "Offload": "用后释放网络",
    "Fps": "帧率",
    "Watermark": "水印",
    "Anchors": "锚定帧",
    "Free init": "重复初始化次数（FreeInit）",
    "Free noise": "共享噪声（FreeNoise）",
    "Camera": "镜头",
    "Freeu b1": "FreeU b1",
    "Freeu b2": "FreeU b2",
    "Freeu s1": "FreeU s1",
    "Freeu s2": "FreeU s2",
    "Guidance rescale": "引导重缩放",
    "Init image": "起始图片",
    "Interpolate": "插帧倍数",
    "Interpolate model": "插帧所用网络（RIFE）",
    "Upscale": "放大倍数",
    "Upscale model": "放大所用模型",
    "Upscale strength": "放大强度",
    "Upscale tile": "放大时的分块边长",
    "Loop": "循环",
    "Negative prompt 2": "反向提示词 2",
    "Pag scale": "扰动注意力引导强度（PAG）",
    "Preview vae": "预览用的自编码器",
    "Prompt 2": "提示词 2",
    "Prompt at": "逐帧提示词",
    "Spacing": "时间步间距",
    "Steady": "帧间稳定",
}

Translate = Callable[[str | Message], str]

# Where the command line's name for a mode or a parameter says little on a page.
_ENGLISH = {
    "text2video": "Text to video",
    "synthesize": "Video model",
    "animate": "Motion module",
    "pix2pix": "Edit a clip",
    "pose": "Poses of a clip",
    "canny": "Edges of a clip",
    "depth": "Depth of a clip",
    "canny-db": "Edges, your subject",
    "controlnet": "Other control maps",
    "Resolution": "Size",
    "Motion field strength x": "Motion to the left",
    "Motion field strength y": "Motion upwards",
    "Lora": "LoRA files",
    "Textual inversion": "Embeddings",
    "Vae": "VAE",
    "Preview vae": "VAE of previews",
    "Pag scale": "Perturbed attention (PAG)",
    "Video path": "Clip",
    "Init video": "Clip to start from",
    "Start t": "Start of the clip",
    "End t": "End of the clip",
    "Out fps": "Frames per second of the clip",
    "Audio": "Keep the sound",
    "Fps": "Frames per second",
    "Also": "More controls",
    "Control start": "Control from this part of the steps",
    "Control end": "Control up to this part of the steps",
    "Kind": "Kind of control maps",
}

LANGUAGES: dict[str, dict[str, str]] = {"en": _ENGLISH, "zh": {**TABLE, **WORDS}}
NAMES = {"en": "English", "zh": "中文"}


def translator(language: str) -> Translate:
    """Takes the English words and messages to those of the language, a key of ``LANGUAGES``; words it lacks stay."""
    table = LANGUAGES[language]

    def translate(told: str | Message) -> str:
        if isinstance(told, str):
            return table.get(told, told)
        with speaking(language):
            return str(told)

    return translate
