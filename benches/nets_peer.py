"""Runs the cases of nets.rs with PyTorch and diffusers, once for each line of standard input.

Answers each "run" with the seconds it took, and "peak" with the most memory held, in GB.
Needs torch 2.5, diffusers 0.24, transformers 4.41.
"""

import resource
import sys
import time

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

case, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)

if case == "unet":
    unet = UNet2DConditionModel(
        sample_size=64,
        cross_attention_dim=768,
        attention_head_dim=8,
        block_out_channels=(320, 640, 1280, 1280),
    ).eval()
    sample, context = torch.randn(2, 4, 64, 64), torch.randn(2, 77, 768)
    run = lambda: unet(sample, 500, encoder_hidden_states=context).sample
elif case == "vae":
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
    ).eval()
    latents = torch.randn(1, 4, 64, 64)
    run = lambda: vae.decode(latents).sample
else:
    sys.exit(f"no case {case!r}")

with torch.inference_mode():
    for line in sys.stdin:
        if line.strip() == "peak":
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-9, flush=True)
        else:
            start = time.perf_counter()
            run()
            print(time.perf_counter() - start, flush=True)
