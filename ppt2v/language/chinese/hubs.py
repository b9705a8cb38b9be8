"""The Chinese for the messages of ``hubs``."""

MESSAGES = {
    "E-TASK-UNKNOWN": "未知的任务 {task!r}：这里只有 {here!r}",
    "E-PIPELINE-INPUT": "输入 {given!r} 不是字典：请给出 {{'text': '视频的内容'}}，或由它们组成的列表",
    "E-PIPELINE-TEXT": "输入 {given!r} 没有 text：请给出 {{'text': '视频的内容'}}",
    "E-PIPELINE-FILES": "output_video 给出 {files} 个文件，而输入有 {count} 个：请一一对应",
    "E-PIPELINE-SIZE": "{name}={value!r}：须为整数（像素）",
    "E-PIPELINE-ONE-FILE": "output_video={file!r} 只有一个文件，而输入有 {count} 个：请给出文件列表",
    "E-CLIP-UNWANTED": "{mode} 不使用输入片段：请去掉它",
    "E-CLIP-BASE64-TEXT": "片段不是文本：请以 base64 给出文件",
    "E-CLIP-BASE64-SIZE": "片段太大，最大 {most} MB：请截短，或缩小画面",
    "E-CLIP-BASE64-MISSING": "缺少片段：请在 clip 中以 base64 给出文件",
    "E-CLIP-BASE64": "片段不是有效的 base64：请用标准字母表编码，不要换行",
}
