"""The Chinese for the messages of the package's own files: ``cache``, ``model``, ``parameters``."""

MESSAGES = {
    "E-CACHE-SIZE": "PPT2V_CACHE_GB={given!r}：请给出缓存可占用的大小（GB），例如 20",
    "E-GRADIO-PATH": "is_gradio=True 时路径自动决定；请去掉 save_path 或 is_gradio",
    "E-CONTROLNETS-TOO-MANY": "model_path_list 有 {models} 个模型，而控制图只有一种；请给出一个 Stable Diffusion 模型和一个 ControlNet，其余写作 extra_controls=['类型:强度:模型']",
    "E-PARAMETER-VALUE": "{name}={value}：取值须为 {rule}",
    "E-PARAMETER-CHARACTER": "{name}={value} 含有无效字符（零字节或不成对的代理字符）",
    "E-PARAMETER-UNKNOWN": "未知参数 {name!r}；您是否想用 {names}？",
    "E-DISK-FULL": "服务器磁盘已满，请管理员清理空间",
    "a text": "文本",
    "a whole number": "整数",
    "a number": "数",
    "true or false": "true 或 false",
    "one of {choices}": "{choices} 之一",
    "{kind} {bounds}": "{kind} {bounds}",
    "{one} or {other}": "{one} 或 {other}",
    "{one} and {other}": "{one} 且 {other}",
}
