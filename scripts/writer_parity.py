"""Scores of tiny random language models, by Hugging Face's transformers, for tests/parity/writer_families.rs.

Weights are numbers that both sides make from the names of the tensors in GGUF files, so that only scores are kept:

    pip install torch transformers==4.53.3
    python scripts/writer_parity.py > tests/data/writer_families.json
"""

import json
import math

import numpy as np
import torch
import transformers as hf

VOCABULARY, HIDDEN, FEED_FORWARD, HEADS, KV_HEADS = 40, 32, 48, 4, 2
TOKENS = [i * i * 7 % VOCABULARY for i in range(24)]
# Scores are kept after so many tokens.
AFTER = [1, 12, 24]
MASK = (1 << 64) - 1


def numbers(name, count, center, size):
    """Uniform around a center, from the name's hash (FNV-1a) on."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    found = np.empty(count, np.float32)
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        found[i] = np.float32(state >> 33) / np.float32(1 << 30) - np.float32(1.0)
    return np.float32(center) + np.float32(size) * found


def tensor(name, *shape):
    norm = "norm" in name
    return numbers(name, math.prod(shape), 1.0 if norm else 0.0, 0.3).reshape(shape)


def unpaired(weight, heads):
    """Rows of a llama file back in transformers' order: halves of a head, not neighbours."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def weights(case, width, layers):
    """By transformers' names."""
    family = case["family"]
    gemma = family.startswith("gemma")
    norm = lambda name, count: tensor(name, count) - (1.0 if gemma else 0.0)
    found = {
        "model.embed_tokens.weight": tensor("token_embd.weight", VOCABULARY, HIDDEN),
        "model.norm.weight": norm("output_norm.weight", HIDDEN),
    }
    if not case["tied"]:
        found["lm_head.weight"] = tensor("output.weight", VOCABULARY, HIDDEN)
    q, kv = HEADS * width, KV_HEADS * width
    for layer in range(layers):
        of = lambda part: f"blk.{layer}.{part}"
        to = lambda part, value: found.__setitem__(f"model.layers.{layer}.{part}", value)
        if family == "phi3":
            to("self_attn.qkv_proj.weight", tensor(of("attn_qkv.weight"), q + 2 * kv, HIDDEN))
            to("mlp.gate_up_proj.weight", tensor(of("ffn_up.weight"), 2 * FEED_FORWARD, HIDDEN))
        elif family == "chatglm":
            # As transformers' own conversion of ChatGLM's weights does it.
            for kind, shape in [("weight", [q + 2 * kv, HIDDEN]), ("bias", [q + 2 * kv])]:
                parts = np.split(tensor(of(f"attn_qkv.{kind}"), *shape), [q, q + kv])
                for letter, part in zip("qkv", parts):
                    to(f"self_attn.{letter}_proj.{kind}", part)
            to("mlp.gate_up_proj.weight", tensor(of("ffn_up.weight"), 2 * FEED_FORWARD, HIDDEN))
        else:
            for letter, rows, heads in [("q", q, HEADS), ("k", kv, KV_HEADS), ("v", kv, None)]:
                weight = tensor(of(f"attn_{letter}.weight"), rows, HIDDEN)
                if family == "llama" and heads:
                    weight = unpaired(weight, heads)
                to(f"self_attn.{letter}_proj.weight", weight)
                if family == "qwen2":
                    to(f"self_attn.{letter}_proj.bias", tensor(of(f"attn_{letter}.bias"), rows))
            for part in ["gate", "up"]:
                to(f"mlp.{part}_proj.weight", tensor(of(f"ffn_{part}.weight"), FEED_FORWARD, HIDDEN))
        to("self_attn.o_proj.weight", tensor(of("attn_output.weight"), HIDDEN, q))
        to("mlp.down_proj.weight", tensor(of("ffn_down.weight"), HIDDEN, FEED_FORWARD))
        to("input_layernorm.weight", norm(of("attn_norm.weight"), HIDDEN))
        if family in ["gemma2", "gemma3"]:
            to("post_attention_layernorm.weight", norm(of("post_attention_norm.weight"), HIDDEN))
            to("pre_feedforward_layernorm.weight", norm(of("ffn_norm.weight"), HIDDEN))
            to("post_feedforward_layernorm.weight", norm(of("post_ffw_norm.weight"), HIDDEN))
        else:
            to("post_attention_layernorm.weight", norm(of("ffn_norm.weight"), HIDDEN))
        if family in ["qwen3", "gemma3"]:
            to("self_attn.q_norm.weight", norm(of("attn_q_norm.weight"), width))
            to("self_attn.k_norm.weight", norm(of("attn_k_norm.weight"), width))
    return {name: torch.tensor(np.ascontiguousarray(value)) for name, value in found.items()}


def llama3_factors(base, width, factor, low, high, old):
    """What divides the frequency of each pair, as GGUF files of llama 3.1 hold it."""
    factors = []
    for i in range(width // 2):
        length = 2 * math.pi * base ** (2 * i / width)
        if length < old / high:
            factors.append(1.0)
        elif length > old / low:
            factors.append(factor)
        else:
            smooth = (old / length - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return factors


def case(name, family, kind, config, width=8, layers=2, tied=False, metadata=None, tensors=None):
    config = dict(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=FEED_FORWARD, num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS, num_hidden_layers=layers, head_dim=width, tie_word_embeddings=tied,
        rms_norm_eps=1e-6, max_position_embeddings=64, pad_token_id=None, bos_token_id=None, eos_token_id=None,
        attn_implementation="eager", torch_dtype="float32",
    ) | config
    found = {"name": name, "family": family, "head_width": width, "blocks": layers, "tied": tied}
    model_class = getattr(hf, f"{kind}ForCausalLM")
    torch.manual_seed(0)
    model = model_class(model_class.config_class(**config)).eval()
    missing, unexpected = model.load_state_dict(weights(found, width, layers), strict=False)
    missing = [key for key in missing if not (tied and key == "lm_head.weight")]
    assert not missing and not unexpected, (missing, unexpected)
    model.tie_weights()
    scores = []
    for count in AFTER:
        with torch.no_grad():
            last = model(torch.tensor([TOKENS[:count]]), use_cache=False).logits[0, -1]
        scores.append([float(f"{x:.6g}") for x in last.tolist()])
    return found | {"metadata": metadata or {}, "tensors": tensors or {}, "scores": scores}


def main():
    longrope = {"type": "longrope", "short_factor": [1.25, 2.0], "long_factor": [2.0, 8.0]}
    factors = llama3_factors(10000.0, 8, 8.0, 1.0, 4.0, 16)
    llama3 = {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    }
    phi3 = {"rope_theta": 10000.0, "partial_rotary_factor": 0.5}
    gemma = {"rope_theta": 10000.0, "hidden_activation": "gelu_pytorch_tanh", "hidden_act": "gelu_pytorch_tanh"}
    gemma2 = gemma | {
        "sliding_window": 6, "query_pre_attn_scalar": 16, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0,
    }
    gemma3 = gemma | {
        "sliding_window": 6, "query_pre_attn_scalar": 16, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0}, "sliding_window_pattern": 3,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"] * 2,
        "attn_logit_softcapping": None, "final_logit_softcapping": None,
    }
    chatglm = {"partial_rotary_factor": 0.5, "attention_bias": True}
    short = {"original_max_position_embeddings": 32}
    cases = [
        case("llama 3.1", "llama", "Llama", {"rope_theta": 10000.0, "rope_scaling": llama3},
             tensors={"rope_freqs.weight": factors}),
        case("mistral", "llama", "Mistral", {"rope_theta": 10000.0, "sliding_window": 7},
             metadata={"attention.sliding_window": 7}),
        case("qwen2", "qwen2", "Qwen2", {"rope_theta": 1000000.0, "use_sliding_window": False},
             metadata={"rope.freq_base": 1000000.0}),
        case("qwen3", "qwen3", "Qwen3", {"rope_theta": 1000000.0, "use_sliding_window": False, "attention_bias": False},
             width=16, tied=True, metadata={"rope.freq_base": 1000000.0}),
        case("phi3", "phi3", "Phi3", {"rope_theta": 10000.0, "sliding_window": 9},
             metadata={"attention.sliding_window": 9}),
        case("phi3 long", "phi3", "Phi3", phi3 | short | {"sliding_window": None, "rope_scaling": longrope},
             metadata={"rope.dimension_count": 4, "rope.scaling.original_context_length": 32},
             tensors={"rope_factors_short.weight": longrope["short_factor"],
                      "rope_factors_long.weight": longrope["long_factor"]}),
        # Its 24 tokens are more than the first training's: transformers takes the long factors.
        case("phi3 stretched", "phi3", "Phi3",
             phi3 | {"original_max_position_embeddings": 16, "sliding_window": None, "rope_scaling": longrope},
             metadata={"rope.dimension_count": 4, "rope.scaling.original_context_length": 16},
             tensors={"rope_factors_short.weight": longrope["short_factor"],
                      "rope_factors_long.weight": longrope["long_factor"]}),
        case("gemma", "gemma", "Gemma", gemma, width=16, tied=True),
        case("gemma2", "gemma2", "Gemma2", gemma2, width=16, tied=True,
             metadata={"attention.sliding_window": 6, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0}),
        case("gemma3", "gemma3", "Gemma3", gemma3, width=16, layers=6, tied=True,
             metadata={"attention.sliding_window": 6, "attention.sliding_window_pattern": 3,
                       "rope.freq_base": 1000000.0, "rope.scaling.type": "linear", "rope.scaling.factor": 8.0}),
        case("chatglm3", "chatglm", "Glm", chatglm | {"rope_theta": 10000.0}, metadata={"rope.dimension_count": 4}),
        case("chatglm3 32k", "chatglm", "Glm", chatglm | {"rope_theta": 500000.0}, width=16,
             metadata={"rope.dimension_count": 8, "rope.freq_base": 500000.0}),
    ]
    print("{" + f'"tokens": {json.dumps(TOKENS)}, "after": {json.dumps(AFTER)}, "cases": [')
    print(",\n".join(json.dumps(one) for one in cases))
    print("]}")


main()
