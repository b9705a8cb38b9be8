"""The Chinese for the messages of ``workers``, and of runs that they share."""

MESSAGES = {
    "E-PARCEL-WRITE": "工作进程之间传递的数据无法写入 {folder}：{reason}；请把 TMPDIR 设为有空间的文件夹",
    "E-RAY-ADDRESS": "无法加入 RAY_ADDRESS={address} 处的 Ray 集群：{reason}；请在那里用 `ray start --head` 启动，或取消设置 RAY_ADDRESS，只使用本机",
    "E-RAY-LOST": "Ray 集群丢失了一个工作进程的结果（{reason}）：请重新运行，加上 --resume 可从最后一步继续",
    "E-RAY-MISSING": "以 ray 方式运行需要 Ray：pip install 'ppt2v[ray]'",
    "E-RAY-TOKEN": "RAY_ADDRESS={address} 处的 Ray 集群需要令牌：请设置 RAY_AUTH_MODE=token；若本机没有集群主节点的令牌，还需设置 RAY_AUTH_TOKEN",
    "E-WORKER-SILENT": "工作节点 {worker} 没有响应（{reason}）：请用 `ray status` 查看，或将其移出集群",
    "E-WORKER-VERSION": "工作节点 {worker} 的 ppt2v 版本为 {theirs}，本机为 {own}：请在两处安装相同的版本",
    "E-WORKERS-LOST": "{number} 个工作进程在此任务中异常结束；很可能是内存不足",
    "E-RAY-ROOM": "workers={number}：Ray 集群只有 {there:g} 个 {kind}；请至多给出这么多工作进程，或增加机器",
    "E-WORKER": "工作进程 {worker}：{error}；请让它在相同的路径下拥有本机的文件",
    "E-WORKER-FILE-ABSENT": "这里没有 {name}",
    "E-WORKER-OTHER-FILES": "这里的 {names} 内容不同",
    "E-WORKERS-ANCHORS": "workers={number}、anchors={anchors}：各帧要等待前面的帧；请使用 anchors=first，或去掉 workers",
    "E-WORKERS-CACHE": "workers={number}、cache_interval={interval}：使用运动模块时，一个窗口的每一步可由任何工作进程完成，而前一步保留的内容在另一个进程中；请使用 cache_interval=1",
    "E-WORKERS-FAMILY": "workers={number}：{model} 的网络把视频的所有帧一起生成，由一个工作进程完成；请去掉 workers，或用 `ppt2v batch --workers` 同时生成多个视频",
    "E-WORKERS-MANY": "workers={number}：本机有 {cores} 个处理器核心；请至多给出 {most} 个，或使用 Ray 集群的机器（runner=ray）",
    "N-WORKERS-THREADS": "{number} 个工作进程各用 {threads} 个线程，而处理器只有 {cores} 个核心：请把 OMP_NUM_THREADS 设为 {fitting}",
}
