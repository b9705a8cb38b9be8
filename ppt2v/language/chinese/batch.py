"""The Chinese for the messages of ``batch``."""

MESSAGES = {
    "E-RAY-MISSING": "以 ray 方式运行需要 Ray：pip install 'ppt2v[ray]'",
    "E-BATCH-EMPTY": "{path} 里没有任何任务：每个视频写一行，至少给出提示词",
    "E-BATCH-FILE-TYPE": "{path}：批处理文件的扩展名须为 {endings} 之一",
    "E-BATCH-ROW": "{values} 不是有效的一行：请给出名称和值，例如提示词和随机种子",
    "E-FORMAT-UNKNOWN": "未知的保存格式 {format!r}：请从 {formats} 中选择",
    "E-BATCH-NAME": "name={name!r}：须为至多 100 个字母、数字、空格、点和短横线",
    "E-BATCH-OUTPUT": "{name}：由批处理自动决定；请去掉它，或给这一行一个 name",
    "E-BATCH-TWICE": "第 {line} 行也会生成 {name}：请给其中一行换一个随机种子，或加上 name",
    "E-CSV-CELL": "单元格 {cell!r} 上方的首行没有列名",
    "E-CSV-QUOTES": "{path} 第 {line} 行：引号无法解析（{reason}）：请成对书写引号，引号内的引号写两次",
    "{path}, line {line}: {error}": "{path} 第 {line} 行：{error}",
}
