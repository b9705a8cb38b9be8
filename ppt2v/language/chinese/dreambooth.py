"""The Chinese for the messages of ``dreambooth``."""

MESSAGES = {
    "E-FOLDER-IS-FILE": "{folder} 是文件：请给出文件夹名",
    "E-FOLDER-MISSING": "{path} 无法写入：没有文件夹 {parent}，请先创建",
    "E-FOLDER-FORBIDDEN": "{path} 无法写入：没有在 {folder} 中写入的权限",
    "E-TRAINING-FOLDER-FULL": "文件夹 {folder} 不是空的，也没有未完成的训练（其中有 {names}）：请给出新的文件夹",
    "E-TRAINING-UNFINISHED": "{folder} 里有未完成的训练：请继续训练（resume），或给出新的文件夹",
    "E-PICTURES-FOLDER": "images：没有文件夹 {folder}；请给出放有主体图片的文件夹",
    "E-PICTURES-NONE": "images：{folder} 里没有图片{hint}；请给出 PNG、JPEG、WebP、TIFF、BMP、GIF 或 AVIF 图片",
    "E-PICTURE-DAMAGED-TRAINING": "图片 {file} 无法读取（{reason}）；请替换或删除它",
    "E-TRAINING-CLASS-PROMPT": "{names}：没有 class_prompt 时不起作用：请同时给出类别的提示词",
    "E-TRAINING-CHANNELS": "{model} 不能训练：它的 UNet 有 {channels} 个输入通道（in_channels），应为 {wanted} 个；请换用文生图模型",
    "E-TRAINING-PREDICTION": "{model} 预测的是 {prediction!r}（其 scheduler 的 prediction_type）；能训练的模型预测 {predictions}",
    "E-TRAINING-MISSING": "缺少 {name}：请给出{what}",
    "E-TRAINING-EMPTY": '{name} 为空：请用文字描述图片，例如 "a sks fox" 和 "a fox"',
    "E-TRAINING-LOSS": "第 {step} 步的损失为 {loss}：请用更小的学习率训练",
    "E-TRAINING-PROMPT-LONG": "提示词 {prompt} 有 {count} 个词元：训练最多 {most} 个，请缩短",
    "; it cannot read {names}": "；无法读取 {names}",
    "a folder with pictures": "图片文件夹",
    "a folder for the model": "存放模型的文件夹",
    "E-DREAMBOOTH-XL": "{model} 不能训练：它是 Stable Diffusion XL 模型；请选择 1.x 或 2.x 的",
    "N-PICTURES-LEFT-OUT": "{folder} 的图片中略去：{names}",
}
