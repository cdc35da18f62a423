"""Runs the language model of writer.rs with llama.cpp, once for each line of standard input.

Answers each "run" with the tokens of the prompt and the tokens said for each second, and "peak" with the most memory
held, in GB. Needs the wheel xllamacpp.
"""

import resource
import sys

import xllamacpp

model, threads, prompt, said = sys.argv[1], *map(int, sys.argv[2:5])

params = xllamacpp.CommonParams()
params.model.path = model
params.n_gpu_layers = 0
params.n_ctx = prompt + said + 64
params.n_batch = params.n_ubatch = 512
params.n_parallel = 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
params.verbosity = 0
server = xllamacpp.Server(params)

# The tokens of writer.rs.
tokens = [100 + i * 7919 % 50000 for i in range(prompt)]

for line in sys.stdin:
    if line.strip() == "peak":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-9, flush=True)
    else:
        request = {"prompt": tokens, "max_tokens": said, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
        timings = server.handle_completions(request)["timings"]
        if timings["prompt_n"] != prompt:
            sys.exit(f"{timings['prompt_n']} tokens of the prompt were read, not {prompt}")
        print(timings["prompt_per_second"], timings["predicted_per_second"], flush=True)
