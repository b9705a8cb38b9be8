"""The Chinese for the messages of ``controls`` and ``detectors``."""

MESSAGES = {
    "E-POSE-DETECTOR": "从视频提取姿态需要检测器：请加上 --detector hf:lllyasviel/Annotators（Python 中为 detector_weights=...），或 OpenPose 的文件 body_pose_model.pth{install}，或给出本身就是骨架图的片段",
    "E-DEPTH-DETECTOR": "从视频提取深度需要检测器：请加上 --detector hf:Intel/dpt-hybrid-midas（Python 中为 detector_weights=...），或 DPT 网络的文件夹，或给出本身就是深度图的片段",
    "E-CLIP-NO-FRAMES": "片段里没有帧；请给出至少有一帧的片段",
    "E-CONTROL-UNKNOWN": "未知的控制类型 {name!r}：请从 {controls} 中选择",
    "E-THRESHOLDS": "low_threshold={low}，high_threshold={high}：须满足 high_threshold > low_threshold；常用 100 和 200",
    "E-POSE-NOBODY": "{detector} 在整个片段里都没有找到人；请给出能看到人的片段",
    "E-DEPTH-NETWORK": "{folder} 是 {kind!r} 类型的网络；深度需要 'dpt' 类型",
    "E-SALIENCY-WEIGHTS": "{file} 里没有 {weight}：不是 U2-Net 的权重",
    ", or run pip install '{requirement}'": "，或运行 pip install '{requirement}'",
    "weights of OpenPose's body network": "OpenPose 人体网络的权重",
    "weights of U2-Net": "U2-Net 的权重",
    "{control}: the clip is not {ready}; its maps are made {how}": "{control}：片段不是{ready}；控制图由{how}生成",
    "{control}: the clip is already {ready}; used as it is": "{control}：片段本身就是{ready}；直接使用",
    "by Canny's method with the thresholds {low} and {high}": " Canny 方法（阈值 {low} 和 {high}）",
    "by {detector}": " {detector} ",
    "an edge map": "边缘图",
    "a skeleton drawing": "骨架图",
    "a depth picture": "深度图",
}
