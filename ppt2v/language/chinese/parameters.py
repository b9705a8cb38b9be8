"""The help of parameters, their groups and the rules of their values in Chinese."""

MESSAGES = {
    "What the video shows.": "视频的内容，用英文。",
    "What the video shows, in English.": "视频的内容，用英文。",
    'What to do with the clip, such as "make it snow".': "对视频的编辑指令，用英文，例如“make it snow”。",
    "Folder, single file or id of the model; `ppt2v models` lists those that are known.": "模型的文件夹、单个文件或模型 ID；`ppt2v models` 列出已知的模型。",
    "Folder or id of a text-to-video model, such as damo-vilab/text-to-video-ms-1.7b: ModelScope's own files, or the "
    "layout of diffusers or Paddle.": "文本生成视频模型的文件夹或模型 ID，例如 damo-vilab/text-to-video-ms-1.7b；可以是 ModelScope 原版文件，也可以是 diffusers 或飞桨的格式。",
    "LoRA file that is merged into the model for this run, as PATH or PATH:STRENGTH.": "本次运行并入模型的 LoRA 文件，写作“路径”或“路径:强度”。",
    "File of a word that the model is to know for this run, as PATH or PATH:WORD.": "本次运行让模型认识的新词所在的文件，写作“路径”或“路径:词”。",
    "Folder or id whose vocabulary is used; the model's own if not given, for a single file that of CLIP.": "所用词表的文件夹或模型 ID；不给时用模型自带的，单个文件则用 CLIP 的。",
    "File, folder or id of the autoencoder (VAE) that is used; the model's own if not given.": "所用自编码器（VAE）的文件、文件夹或模型 ID；不给时用模型自带的。",
    "What the network predicts: epsilon (the noise), v_prediction or sample; what the model says if not given.": "网络预测的内容：epsilon（噪声）、v_prediction 或 sample；不给时按模型自己的说明。",
    "Number of frames.": "帧数。",
    "Number of frames; with a clip to start from, that of the clip.": "帧数；有起始片段时与片段相同。",
    "Side of a square or WIDTHxHEIGHT, in pixels; the model's own if not given.": "正方形的边长，或“宽x高”，以像素为单位；不给时用模型自己的大小。",
    "Side of a square or WIDTHxHEIGHT, in pixels; with a clip to start from the longest side; the model's own if not "
    "given.": "正方形的边长，或“宽x高”，以像素为单位；有起始片段时是最长边；不给时用模型自己的大小。",
    "Side of a square or WIDTHxHEIGHT, in pixels; with a clip to start from the longest side; the model's own (256) "
    "if not given.": "正方形的边长，或“宽x高”，以像素为单位；有起始片段时是最长边；不给时用模型自己的大小（256）。",
    "Longest side of the video in pixels; the sides are rounded to what the model can make.": "视频最长边的像素数；两边会取整为模型能生成的大小。",
    "What the video must not show.": "视频里不要出现的内容。",
    "With Stable Diffusion XL: what its second text encoder reads; the prompt if not given.": "用于 Stable Diffusion XL：它的第二个文本编码器读到的内容；不给时与提示词相同。",
    "The same for what the video must not show.": "同上，用于视频里不要出现的内容。",
    "Number that fixes the randomness; drawn from Paddle's generator if not given.": "固定随机性的数；不给时取自飞桨的随机数发生器，因此 `paddle.seed(1234)` 也能让结果重现。",
    "Denoising steps.": "去噪步数。",
    "How closely to follow the prompt; 1 or less turns guidance off.": "贴近提示词的程度；不大于 1 时关闭引导。",
    "Part of the steps, from the first on, that guidance is used in; those without take half the time.": "从第一步起使用引导的步数比例；不用引导的步只需一半时间。",
    "How a step is made: ddim; dpmsolver++ (DPM++ 2M) or unipc, which need fewer steps; euler, heun, dpm2, lms; "
    "euler_a, dpm2_a, dpm++_2m_sde, dpm++_sde, with fresh noise in each step; lcm or tcd, for models distilled for "
    "them. With _karras behind it: on Karras's noise levels. heun, dpm2 and dpm++_sde compute each step twice.": "每一步的采样方法：ddim；dpmsolver++（即 DPM++ 2M）或 unipc，需要的步数较少；euler、heun、dpm2、lms；每步加新噪声的 euler_a、dpm2_a、dpm++_2m_sde、dpm++_sde；用于蒸馏模型的 lcm 或 tcd。名称后加 _karras 即采用 Karras 的噪声水平。heun、dpm2 和 dpm++_sde 每步要计算两次。",
    "Which noise levels the steps take: trailing, as models for few steps need it (Lightning, Hyper, Turbo), leading or "
    "linspace; what the model says if not given.": "各步取哪些噪声水平：少步数模型（Lightning、Hyper、Turbo）需要 trailing，另有 leading 和 linspace；不给时按模型自己的说明。",
    "Stochasticity of DDIM: 0 is deterministic, 1 is DDPM.": "DDIM 的随机性：0 为确定，1 为 DDPM。",
    "Fewer steps by a better solver: the cheapest setting that keeps the quality; what is given beside it wins.": "用更好的采样器减少步数：在保持质量的设置中取最省时的；另外给出的参数优先。",
    "Which layer of the text encoder is taken, counted from the last one: 1 is the last, 2 the one before it.": "取文本编码器的哪一层，从最后一层数起：1 为最后一层，2 为倒数第二层。",
    "Frames computed together, the first included; changes only the memory needed.": "同时计算的帧数，包括首帧；只影响所需内存，不影响结果。",
    "Let every frame attend to the first one.": "让每一帧都关注首帧。",
    "Which frames every frame attends to: first, first+previous (the one before, too), or a number N (every Nth "
    "frame, too); steadier over long clips, and slower.": "每一帧关注哪些帧：first（首帧）、first+previous（还有前一帧），或数 N（还有每 N 帧中的一帧）；长视频更稳定，但更慢。",
    "How many frames become of one, by frames in between along the optical flow, at as many times the rate.": "一帧变成多少帧：沿光流在其间插入帧，帧率按同样倍数提高。",
    "How often the whole schedule is run: each time starts from what moved slowly in the last one, and fresh noise for "
    "the rest (FreeInit); steadier, 3 is usual; 1 turns it off.": "整个去噪过程执行的次数：每次以上一次结果中缓慢变化的部分"
    "为起点，其余部分用新的噪声（FreeInit）；更稳定，通常为 3；1 表示关闭。",
    "Start the frames behind the first 16 from the noise of those before, in another order (FreeNoise), so that a long "
    "video stays of one piece.": "第 16 帧之后的帧以之前各帧的噪声换一种次序为起点（FreeNoise），使长视频前后一致。",
    "How much the finished frames are held together along the clip's motion, which takes flicker away: 0 not at all, 1 "
    "most.": "成品各帧沿片段的运动保持一致的程度，用来去除闪烁：0 为不做，1 为最强。",
    "Share of the tokens that are merged where there are most of them: faster at large sizes, less detail.": "在令牌最多的层合并的比例：大尺寸时更快，细节较少。",
    "Of so many steps one computes the whole UNet, the others its outermost level alone: faster, less faithful; 1 "
    "turns it off.": "每隔这么多步完整计算一次 UNet，其余各步只算最外层：更快，但不够精确；1 为关闭。",
    "Motion to the left per frame, in 1/512 of the width; negative: to the right. Over more than 8 frames the "
    "default is less, so that the subject stays in the picture.": "每帧向左移动多少，以宽度的 1/512 为单位；负值向右。超过 8 帧时默认值更小，使主体留在画面内。",
    "Motion upwards per frame, in 1/512 of the height, likewise; negative: down.": "每帧向上移动多少，以高度的 1/512 为单位；负值向下；默认值同上。",
    'Prompts that take over at later frames, such as "8: a fox at sunset; 16: a fox at night"; between two frames one '
    "goes over into the other.": "从后面某些帧起换用的提示词，例如“8: a fox at sunset; 16: a fox at night”；两者之间逐帧过渡。",
    "Let the last frame lead back to the first: the motion goes round on a circle, and a camera or prompts that "
    "change come back to where they began.": "让最后一帧接回首帧：运动绕一个圆，镜头或变化的提示词回到起点。",
    "Share of what is guided that gets the contrast of what follows the prompt alone: less oversaturated, 0.7 is usual; 0 "
    "turns it off.": "引导结果中改用提示词分支对比度的比例：减少过饱和，常用 0.7；0 为关闭。",
    "FreeU: factor of the backbone's features at the first level upwards, 1.5 is usual; 1 leaves them.": "FreeU：UNet 上行第一层主干特征的系数，常用 1.5；1 为不变。",
    "The same at the second level, 1.6 is usual.": "同上，第二层，常用 1.6。",
    "FreeU: factor of the lowest frequencies of the skips at the first level, 0.9 is usual; 1 leaves them.": "FreeU：第一层跳跃连接中最低频率的系数，常用 0.9；1 为不变。",
    "The same at the second level, 0.2 is usual.": "同上，第二层，常用 0.2。",
    "How far to go away from what the UNet makes with perturbed attention: cleaner shapes, 3 is usual; takes half as "
    "long again; 0 turns it off.": "远离 UNet 在注意力被扰动时结果的程度：形状更清晰，常用 3；时间多一半；0 为关闭。",
    "A picture as the first frame, which the others keep and move; the prompt should say what it shows.": "作为首帧的图片，其他各帧沿用它的内容并移动；提示词应说明图片的内容。",
    'Where a camera goes, instead of --motion: keyframes such as "0: pan 0 0 zoom 1; 16: pan 24 0 zoom 1.3 rotate 5 '
    'ease". With a smooth background it moves the background, and --motion the subject.': "镜头的路径，代替 --motion：关键帧，例如“0: pan 0 0 zoom 1; 16: pan 24 0 zoom 1.3 rotate 5 ease”。背景平滑时镜头移动背景，--motion 移动主体。",
    "Noise level T0, where the motion is added: an index from the end of the 50-step DDIM schedule.": "加入运动时的噪声水平 T0，即 50 步 DDIM 从末尾数起的下标。",
    "Noise level T1, to which the moved frames are noised again; likewise an index.": "运动之后重新加噪到的水平 T1，同样是下标。",
    "Start the frames from the moved first frame instead of from noise of their own.": "各帧从移动后的首帧开始，而不是从各自的噪声开始。",
    "Keep the background steady with the first frame's, moved along; takes about twice the time.": "用随运动移动的首帧背景使背景稳定；时间约为两倍。",
    "With a smooth background: share of its own that each frame keeps.": "背景平滑时每帧保留自身背景的比例。",
    "With a smooth background: network that finds the subject, as a file u2net.pth or u2netp.pth or where one is; the"
    " embedded one knows the embedded model's subjects.": "背景平滑时用来找出主体的网络：u2net.pth 或 u2netp.pth 文件，或其所在位置；内置网络认识内置模型的主体。",
    "Most memory to use, such as 8GB: chooses chunk size, decoding in tiles and offloading, where not given.": "内存上限，例如 8GB：自动选择未给出的分块大小、分块解码和网络释放。",
    "Predict the noise in tiles of this side in pixels, which overlap: larger frames than the model knows, in the memory "
    "of small ones; slower.": "按这个边长（像素）把画面分成相互重叠的块来预测噪声：能生成比模型所知更大的画面，内存与小画面相同，但更慢。",
    "Decode frames in tiles of this side in pixels: less memory for large frames, slightly other pixels.": "按这个边长（像素）分块解码：大尺寸时省内存，像素略有不同。",
    "Folder or id of a tiny autoencoder that makes the previews, such as madebyollin/taesd; the model's own VAE if not given.": "用于生成预览的小型自编码器的文件夹或模型 ID，例如 madebyollin/taesd；不给时用模型自带的 VAE。",
    "Let each network leave the memory when its part is done; the next run reads it again.": "每个网络用完后释放内存；下次运行时重新读取。",
    "Frames per second of the file.": "输出视频每秒的帧数。",
    "Frames per second of the file; those taken from the clip if not given.": "输出视频每秒的帧数；不给时与从片段取帧的帧率相同。",
    "A text, or the path of a picture, to put into the lower right corner.": "放在右下角的文字，或图片的路径。",
    "File to write (for png a folder); named after the prompt if not given.": "要写的文件（png 时为文件夹）；不给时按提示词命名。",
    "mp4, gif, webm or png; by the file's ending if not given.": "mp4、gif、webm 或 png；不给时由文件扩展名决定。",
    "Folder that keeps the last completed step; a killed run goes on from there.": "保存最近完成的一步的文件夹；中断后从那里继续。",
    "Number that fixes what a VideoFusion model shows, while the seed varies how it moves; the seed if not given.": "固定 VideoFusion 模型所示内容的数，随机种子只改变动作；不给时等于随机种子。",
    "Folder, file or id of a motion module (AnimateDiff), with which the frames of a window are made together.": "运动模块（AnimateDiff）的文件夹、文件或模型 ID；有了它，一个窗口内的各帧一起生成。",
    "Frames that a motion module sees at once; 16 if not given. A longer video is made of windows that overlap.": "运动模块一次看到的帧数；不给时为 16。更长的视频由相互重叠的窗口组成。",
    "A clip to start from instead of noise alone; its motion is kept.": "代替纯噪声作为起点的片段；其运动会保留。",
    "Second of the clip at which to start.": "从输入视频的第几秒开始。",
    "Second of the clip at which to end; -1 for its end.": "到输入视频的第几秒为止；-1 表示到结尾。",
    "Frames per second to take from the clip; -1 for all of its frames.": "每秒从片段取多少帧；-1 表示全部。",
    "How much of the schedule is run from that clip: with 1 little of it is left.": "从该片段开始运行多少去噪过程：为 1 时片段所剩无几。",
    "The clip: a video file, an animation, or a folder of pictures.": "输入的视频文件、动画，或图片文件夹。",
    "Keep the clip's sound, cut with it; in mp4 and webm.": "保留输入视频的声音，随片段截取；仅用于 mp4 和 webm。",
    "How closely to keep to the clip; below 1 turns guidance off.": "贴近原视频的程度；小于 1 时关闭引导。",
    "Give all frames the same noise, which flickers less than noise of their own.": "所有帧使用相同的噪声，比各自的噪声闪烁更少。",
    "Added to the prompt.": "附加在提示词后面。",
    "Folder, single file or id of the ControlNet; the one for this control that fits the model if not given.": "ControlNet 的文件夹、单个文件或模型 ID；不给时用与模型相配的那一个。",
    "How strongly the control maps guide.": "控制图的引导强度。",
    'How strongly by frames, such as "0: 1; 16: 0.3": the strengths are multiplied by it, on a straight line between keyframes.': '各帧的强度，例如 "0: 1; 16: 0.3"：强度乘以该值，关键帧之间按直线变化。',
    "Part of the steps from which the control maps guide: 0.2 leaves the first fifth to the prompt.": "控制图从全部步数的这一比例处开始引导：0.2 表示前五分之一只听提示词。",
    "Part of the steps up to which they guide; those without take less time.": "控制图引导到全部步数的这一比例处为止；不引导的步更快。",
    "Let the control maps say what the video shows, of which the prompt then need say little: they guide only what follows the prompt, and its details less than the whole; guidance scales of 3 to 5 suit it.": "由控制图决定画面内容，提示词可以很短：控制图只引导跟随提示词的一支，对细节的引导弱于整体；引导强度宜取 3 到 5。",
    "What the control maps show: softedge, lineart (made where the clip is none), scribble (likewise), normal, segmentation, or tile (the clip itself).": "控制图的内容：softedge（柔和边缘）、lineart（线稿，片段不是线稿时由它生成）、scribble（涂鸦，同样）、normal（法线）、segmentation（分割）或 tile（片段本身）。",
    "One more ControlNet: KIND:STRENGTH or KIND:STRENGTH:MODEL, such as depth:0.5.": "再加一个 ControlNet，写作“类型:强度”或“类型:强度:模型”，例如 depth:0.5。",
    "What the clip is: map (a ready control map, used as it is), video (a map is made of it), or auto (found out).": "输入的视频是什么：map（现成的控制图）、video（由它生成控制图）、auto（自动判断）。",
    "File, folder or id of OpenPose's weights, such as hf:lllyasviel/Annotators; MediaPipe if not given.": "OpenPose 权重的文件、文件夹或模型 ID，例如 hf:lllyasviel/Annotators；不给时用 MediaPipe。",
    "Folder or id of a DPT network, such as hf:Intel/dpt-hybrid-midas; a small network that ships if not given.": "DPT 网络的文件夹或模型 ID，例如 hf:Intel/dpt-hybrid-midas；未给出时用内置的小型网络。",
    "Canny: weaker edges than this are left out.": "Canny：比它弱的边缘被舍去。",
    "Canny: edges are followed from where they are as strong as this.": "Canny：达到它的边缘才作为起点。",
    # of the machine, of the training of a Dreambooth model, of control maps
    "cpu, cuda or cuda:N; a GPU where there is one if not given.": "cpu、cuda 或 cuda:N；不给时有 GPU 就用 GPU。",
    "float32, float16, bfloat16, or int8 on a CPU (faster, nearly the same video); if not given, float16 on a GPU, and "
    "on a CPU the fastest of the others.": "float32、float16、bfloat16，CPU 上还有 int8（更快，视频几乎相同）；不给时 GPU 上用 float16，CPU 上用其余各项中最快的。",
    "What executes the networks: eager, openvino, inference, or auto, which takes the fastest for each run.": "执行网络的引擎：eager、openvino、inference，或 auto（每次运行选最快的）。",
    "Folder with pictures of the subject, some three to ten.": "主体图片所在的文件夹，约三到十张。",
    'What they show, with a rare word for the subject in front of its class: "a sks fox".': "图片的内容，类别前面用一个罕见词代表该主体：“a sks fox”。",
    "Folder for the new model: new, or empty.": "新模型的文件夹：不存在或为空。",
    "The same without the rare word; pictures of it that the model makes itself keep it from forgetting the class "
    "(prior preservation).": "同一句话去掉罕见词；模型自己按它生成的图片可防止遗忘该类别（先验保持）。",
    "How much the loss on those pictures counts.": "这些图片的损失所占的权重。",
    "How many of those pictures there are.": "这些图片的数量。",
    "Folder or id of the model to start from.": "起始模型的文件夹或模型 ID。",
    "Steps of the optimizer.": "优化器的步数。",
    "Learning rate, the same in all steps.": "学习率，各步相同。",
    "Pictures computed together.": "同时计算的图片数。",
    "Batches whose gradients make one step.": "累积多少批的梯度再更新一步。",
    "Side of a square or WIDTHxHEIGHT, in pixels, to which the pictures are scaled and cut; the model's own if not "
    "given.": "图片缩放裁剪后的大小：正方形的边长，或“宽x高”，以像素为单位；不给时用模型自己的大小。",
    "Train the text encoder as well; takes more memory.": "同时训练文本编码器；需要更多内存。",
    "Number that fixes the randomness.": "固定随机性的数。",
    "Steps between two saved states, from which a killed training goes on.": "每隔多少步保存一次状态，训练中断后从那里继续。",
    "Longest side in pixels; the clip's own if not given.": "最长边的像素数；不给时与输入视频相同。",
    # their groups
    "Main": "主要",
    "Motion": "运动",
    "Guidance": "引导",
    "Speed and memory": "速度与内存",
    "Adapters": "适配器",
    "File": "文件",
    "Processes or machines that share the frames of a video; each holds the model.": "共同生成一个视频的帧的进程或机器的数目；每个都加载一份模型。",
    "Where the workers are: local, processes of this machine; ray, a Ray cluster, whose address is in RAY_ADDRESS.": "工作进程在哪里：local 为本机的进程；ray 为 Ray 集群，地址在 RAY_ADDRESS 中。",
}
