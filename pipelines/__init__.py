"""The diffusion pipelines; installed as ``ppt2v.pipelines``."""
