"""The help of parameters and the rules of their values in Chinese."""

# of the parameters
HELP = {
    "What the video shows.": "视频的内容，用英文。",
    "What the video shows, in English.": "视频的内容，用英文。",
    'What to do with the clip, such as "make it snow".': "对视频的编辑指令，用英文，例如“make it snow”。",
    "Folder, single file or id of the model; `ppt2v models` lists those that are known.":
        "模型的文件夹、单个文件或名称；`ppt2v models` 列出已知的模型。",
    "Folder or id of a text-to-video model, such as damo-vilab/text-to-video-ms-1.7b: ModelScope's own files, or the "
    "layout of diffusers or Paddle.":
        "文本生成视频模型的文件夹或名称，例如 damo-vilab/text-to-video-ms-1.7b；可以是 ModelScope 原版文件，也可以是 diffusers 或飞桨的格式。",
    "LoRA file that is merged into the model for this run, as PATH or PATH:STRENGTH.":
        "本次运行并入模型的 LoRA 文件，写作“路径”或“路径:强度”。",
    "File of a word that the model is to know for this run, as PATH or PATH:WORD.":
        "本次运行让模型认识的新词所在的文件，写作“路径”或“路径:词”。",
    "Folder or id whose vocabulary is used; the model's own if not given, for a single file that of CLIP.":
        "所用词表的文件夹或名称；不给时用模型自带的，单个文件则用 CLIP 的。",
    "Number of frames.": "帧数。",
    "Number of frames; with a clip to start from, that of the clip.": "帧数；有起始片段时与片段相同。",
    "Side of a square or WIDTHxHEIGHT, in pixels; the model's own if not given.":
        "正方形的边长，或“宽x高”，以像素为单位；不给时用模型自己的大小。",
    "Side of a square or WIDTHxHEIGHT, in pixels; with a clip to start from the longest side; the model's own (256) "
    "if not given.":
        "正方形的边长，或“宽x高”，以像素为单位；有起始片段时是最长边；不给时用模型自己的大小（256）。",
    "Longest side of the video in pixels; the sides are rounded to what the model can make.":
        "视频最长边的像素数；两边会取整为模型能生成的大小。",
    "What the video must not show.": "视频里不要出现的内容。",
    "Number that fixes the randomness; drawn from Paddle's generator if not given.":
        "固定随机性的数；不给时取自飞桨的随机数发生器，因此 `paddle.seed(1234)` 也能让结果重现。",
    "Denoising steps.": "去噪步数。",
    "How closely to follow the prompt; 1 or less turns guidance off.": "贴近提示词的程度；不大于 1 时关闭引导。",
    "Part of the steps, from the first on, that guidance is used in; those without take half the time.":
        "从第一步起使用引导的步数比例；不用引导的步只需一半时间。",
    "How a step is made: ddim, dpmsolver++ (needs fewer steps), euler_a (fresh noise in each step), or lcm (for "
    "models distilled for it).":
        "每一步的采样方法：ddim、dpmsolver++（需要的步数较少）、euler_a（每步加新噪声）或 lcm（用于为它蒸馏的模型）。",
    "Stochasticity of DDIM: 0 is deterministic, 1 is DDPM.": "DDIM 的随机性：0 为确定，1 为 DDPM。",
    "Fewer steps by a better solver: the cheapest setting that keeps the quality; what is given beside it wins.":
        "用更好的求解器减少步数：在保持质量的设置中取最省时的；另外给出的参数优先。",
    "Frames computed together, the first included; changes only the memory needed.":
        "同时计算的帧数，包括首帧；只影响所需内存，不影响结果。",
    "Let every frame attend to the first one.": "让每一帧都关注首帧。",
    "Share of the tokens that are merged where there are most of them: faster at large sizes, less detail.":
        "在令牌最多的层合并的比例：大尺寸时更快，细节较少。",
    "Of so many steps one computes the whole UNet, the others its outermost level alone: faster, less faithful; 1 "
    "turns it off.":
        "每隔这么多步完整计算一次 UNet，其余各步只算最外层：更快，但不够精确；1 为关闭。",
    "Motion to the left per frame, in 1/512 of the width.": "每帧向左移动多少，以宽度的 1/512 为单位；负值向右。",
    "Motion upwards per frame, in 1/512 of the height.": "每帧向上移动多少，以高度的 1/512 为单位；负值向下。",
    "Noise level T0, where the motion is added: an index from the end of the 50-step DDIM schedule.":
        "加入运动时的噪声水平 T0，即 50 步 DDIM 从末尾数起的下标。",
    "Noise level T1, to which the moved frames are noised again; likewise an index.":
        "运动之后重新加噪到的水平 T1，同样是下标。",
    "Start the frames from the moved first frame instead of from noise of their own.":
        "各帧从移动后的首帧开始，而不是从各自的噪声开始。",
    "Keep the background steady with the first frame's, moved along; takes about twice the time.":
        "用随运动移动的首帧背景使背景稳定；时间约为两倍。",
    "With a smooth background: share of its own that each frame keeps.": "背景平滑时每帧保留自身背景的比例。",
    "With a smooth background: network that finds the subject, as a file u2net.pth or u2netp.pth or where one is; the"
    " embedded one knows the embedded model's subjects.":
        "背景平滑时用来找出主体的网络：u2net.pth 或 u2netp.pth 文件，或其所在位置；内置网络认识内置模型的主体。",
    "Most memory to use, such as 8GB: chooses chunk size, decoding in tiles and offloading, where not given.":
        "内存上限，例如 8GB：自动选择未给出的分块大小、分块解码和网络释放。",
    "Decode frames in tiles of this side in pixels: less memory for large frames, slightly other pixels.":
        "按这个边长（像素）分块解码：大尺寸时省内存，像素略有不同。",
    "Let each network leave the memory when its part is done; the next run reads it again.":
        "每个网络用完后释放内存；下次运行时重新读取。",
    "Frames per second of the file.": "输出视频每秒的帧数。",
    "Frames per second of the file; those taken from the clip if not given.":
        "输出视频每秒的帧数；不给时与从片段取帧的帧率相同。",
    "A text, or the path of a picture, to put into the lower right corner.": "放在右下角的文字，或图片的路径。",
    "File to write (for png a folder); named after the prompt if not given.":
        "要写的文件（png 时为文件夹）；不给时按提示词命名。",
    "mp4, gif, webm or png; by the file's ending if not given.": "mp4、gif、webm 或 png；不给时由文件扩展名决定。",
    "Folder that keeps the last completed step; a killed run goes on from there.":
        "保存最近完成的一步的文件夹；中断后从那里继续。",
    "Number that fixes what a VideoFusion model shows, while the seed varies how it moves; the seed if not given.":
        "固定 VideoFusion 模型所示内容的数，随机种子只改变动作；不给时等于随机种子。",
    "A clip to start from instead of noise alone; its motion is kept.": "代替纯噪声作为起点的片段；其运动会保留。",
    "Second of the clip at which to start.": "从输入视频的第几秒开始。",
    "Second of the clip at which to end; -1 for its end.": "到输入视频的第几秒为止；-1 表示到结尾。",
    "Frames per second to take from the clip; -1 for all of its frames.": "每秒从片段取多少帧；-1 表示全部。",
    "How much of the schedule is run from that clip: with 1 little of it is left.":
        "从该片段开始运行多少去噪过程：为 1 时片段所剩无几。",
    "The clip: a video file.": "输入的视频文件。",
    "How closely to keep to the clip; below 1 turns guidance off.": "贴近原视频的程度；小于 1 时关闭引导。",
    "Give all frames the same noise, which flickers less than noise of their own.":
        "所有帧使用相同的噪声，比各自的噪声闪烁更少。",
    "Added to the prompt.": "附加在提示词后面。",
    "Folder or id of the ControlNet; the one for this control that fits the model if not given.":
        "ControlNet 的文件夹或名称；不给时用与模型相配的那一个。",
    "How strongly the control maps guide.": "控制图的引导强度。",
    "One more ControlNet: KIND:STRENGTH or KIND:STRENGTH:MODEL, such as depth:0.5.":
        "再加一个 ControlNet，写作“类型:强度”或“类型:强度:模型”，例如 depth:0.5。",
    "What the clip is: map (a ready control map, used as it is), video (a map is made of it), or auto (found out).":
        "输入的视频是什么：map（现成的控制图）、video（由它生成控制图）、auto（自动判断）。",
    "File, folder or id of OpenPose's weights, such as hf:lllyasviel/Annotators; MediaPipe if not given.":
        "OpenPose 权重的文件、文件夹或名称，例如 hf:lllyasviel/Annotators；不给时用 MediaPipe。",
    "Folder or id of a DPT network, such as hf:Intel/dpt-hybrid-midas.":
        "DPT 网络的文件夹或名称，例如 hf:Intel/dpt-hybrid-midas。",
    "Canny: weaker edges than this are left out.": "Canny：比它弱的边缘被舍去。",
    "Canny: edges are followed from where they are as strong as this.": "Canny：达到它的边缘才作为起点。",
    # of the machine, of the training of a Dreambooth model, of control maps
    "cpu, cuda or cuda:N; a GPU where there is one if not given.": "cpu、cuda 或 cuda:N；不给时有 GPU 就用 GPU。",
    "float32, float16 or bfloat16; if not given, float16 on a GPU, and on a CPU what is fastest there.":
        "float32、float16 或 bfloat16；不给时 GPU 上用 float16，CPU 上用最快的精度。",
    "What executes the networks: eager, openvino, inference, or auto, which takes the fastest for each run.":
        "执行网络的引擎：eager、openvino、inference，或 auto（每次运行选最快的）。",
    "Folder with pictures of the subject, some three to ten.": "主体图片所在的文件夹，约三到十张。",
    'What they show, with a rare word for the subject in front of its class: "a sks fox".':
        "图片的内容，类别前面用一个罕见词代表该主体：“a sks fox”。",
    "Folder for the new model: new, or empty.": "新模型的文件夹：不存在或为空。",
    "The same without the rare word; pictures of it that the model makes itself keep it from forgetting the class "
    "(prior preservation).": "同一句话去掉罕见词；模型自己按它生成的图片可防止遗忘该类别（先验保持）。",
    "How much the loss on those pictures counts.": "这些图片的损失所占的权重。",
    "How many of those pictures there are.": "这些图片的数量。",
    "Folder or id of the model to start from.": "起始模型的文件夹或名称。",
    "Steps of the optimizer.": "优化器的步数。",
    "Learning rate, the same in all steps.": "学习率，各步相同。",
    "Pictures computed together.": "同时计算的图片数。",
    "Batches whose gradients make one step.": "累积多少批的梯度再更新一步。",
    "Side of a square or WIDTHxHEIGHT, in pixels, to which the pictures are scaled and cut; the model's own if not "
    "given.": "图片缩放裁剪后的大小：正方形的边长，或“宽x高”，以像素为单位；不给时用模型自己的大小。",
    "Train the text encoder as well; takes more memory.": "同时训练文本编码器；需要更多内存。",
    "Number that fixes the randomness.": "固定随机性的数。",
    "Steps between two saved states, from which a killed training goes on.":
        "每隔多少步保存一次状态，训练中断后从那里继续。",
    "Longest side in pixels; the clip's own if not given.": "最长边的像素数；不给时与输入视频相同。",
}

# of a parameter's valid values
RULES = {
    "a text": "文本",
    "a whole number": "整数",
    "a number": "数",
    "true or false": "true 或 false",
    "one of": "其中之一",
    "and": "且",
    "repeatable": "可重复",
}
