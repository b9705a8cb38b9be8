"""The Chinese for the messages of ``workers``."""

MESSAGES = {
    "E-RAY-ADDRESS": "无法加入 RAY_ADDRESS={address} 处的 Ray 集群：{reason}；请在那里用 `ray start --head` 启动，或取消设置 RAY_ADDRESS，只使用本机",
    "E-RAY-MISSING": "以 ray 方式运行需要 Ray：pip install 'ppt2v[ray]'",
    "E-WORKER-SILENT": "工作节点 {worker} 没有响应（{reason}）：请用 `ray status` 查看，或将其移出集群",
    "E-WORKER-VERSION": "工作节点 {worker} 的 ppt2v 版本为 {theirs}，本机为 {own}：请在两处安装相同的版本",
    "E-WORKERS-LOST": "{number} 个工作进程在此任务中异常结束；很可能是内存不足",
    "E-RAY-ROOM": "workers={number}：Ray 集群只有 {there:g} 个 {kind}；请至多给出这么多工作进程，或增加机器",
}
