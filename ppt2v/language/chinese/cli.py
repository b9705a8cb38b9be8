"""The Chinese for the messages of ``cli``."""

MESSAGES = {
    "Error: {message} [{code}]": "错误：{message} [{code}]",
    "Interrupted": "已中断",
    "{path}: {error}": "{path}：{error}",
    "E-SYSTEM": "{reason}",
    "E-SYSTEM-FILE": "{file}：{reason}",
    "E-NAME-LONG": "{name}：文件名过长",
    "E-PACKAGE-BROKEN": "{reason}；修复方法见 `ppt2v doctor`",
    "E-RUNNER-UNKNOWN": "未知的运行方式 {runner!r}：请选择 {runners}",
    "E-CONFIG-LIST": "配置文件 {path} 是列表；请写成 `名称: 值` 的形式，与 `ppt2v config` 的输出相同",
    "E-CONFIG-RESOLVER": "{path}：${{...}} 里只能写其他行的名称，不支持 ${{oc.env:...}}；请直接写值",
    "E-CONFIG-UNREADABLE": "配置文件 {path} 无法读取：{reason}",
    "E-RESUME-TWICE": "--resume 会自行决定检查点文件夹：--resume 和 --checkpoint-dir 只能给出一个",
    "E-RESUME-OUT": "--resume 需要同时给出 --out：运行状态保存在该文件旁边",
    "E-RECIPE-TRUST": "{file} 的配方会{steps}：如果允许，请加上 --trust",
    "E-RECIPE-MISSING": "{file} 里没有 ppt2v 的配方：请给出由 ppt2v 生成的视频",
    "E-RECIPE-NEWER": "{file} 由 ppt2v {version} 生成，用到了 ppt2v {here} 没有的功能（{strange}）；请升级 ppt2v 后再试",
    "E-SERVICE-PACKAGE": "服务需要 {package}：pip install 'ppt2v[serve]'",
    "E-PAGE-PACKAGE": "网页需要 {package}：pip install 'ppt2v[ui]'，Python 须为 3.10 或更新版本",
    "E-SHARE-FAILED": "无法开通公网地址：{reason}；请去掉 --share",
}
