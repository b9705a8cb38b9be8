"""The calls that ModelScope's library and PaddlePaddle's hubs have, on top of ``Model``."""
