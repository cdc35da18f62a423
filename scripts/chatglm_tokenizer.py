"""A tiny tokenizer.model as ChatGLM3 has one, and what its tokens are, for src/writer/chatglm/tokenizer.rs.

    pip install sentencepiece==0.2.3
    python scripts/chatglm_tokenizer.py tests/data/chatglm

Conversations are put together as ChatGLM3's own code does it: `[gMASK]`, `sop`, then for each message its role's token,
an empty line of metadata and the words, both encoded by themselves, and last the role that is to speak.
"""

import json
import sys
from pathlib import Path

import sentencepiece

TEXT = """
The old keeper climbs the stairs of the lighthouse and lights the lamp. A storm comes from the sea and people run home.
A young man with blue hair is making cake in a small kitchen. The dog watches him and waits for a piece of the cake.
Scene 1 where: garden action: The fox digs a hole under a tree in the garden. who: fox, hole, tree camera: down slow.
The people of the town talk about philosophy, and the sophisticated keeper listens to the people and to the sea.
"""
SPECIAL = ["[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]
TEXTS = [
    "The fox digs a hole.",
    "people talk about philosophy",
    "a lamp\n\nand the sea, 42 cakes — naïve 你好",
    "two  spaces",
    "\n",
    "ＦＵＬＬ width",
]
MESSAGES = [
    ["system", "Write a film about people."],
    ["user", "The keeper lights a lamp"],
    ["assistant", "Scene 1\nwhere: garden"],
    ["user", "你好"],
]


def train(path, **options):
    lines = path.with_suffix(".txt")
    lines.write_text(TEXT)
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(path.with_suffix("")), model_type="bpe", vocab_size=420, byte_fallback=True,
        split_digits=True, hard_vocab_limit=False, minloglevel=2, **options,
    )
    lines.unlink()
    path.with_suffix(".vocab").unlink()
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def conversation(model):
    special = {name: model.vocab_size() + i for i, name in enumerate(SPECIAL)}
    ids = [special["[gMASK]"], special["sop"]]
    for role, words in MESSAGES:
        ids += [special[f"<|{role}|>"]] + model.encode("\n") + model.encode(words)
    # The model itself begins its turn with the line of metadata.
    return ids + [special["<|assistant|>"]] + model.encode("\n")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rules = folder / "rules.tsv"
    rules.write_text("".join(f"{0xFF21 + i:X}\t{0x41 + i:X}\n" for i in range(26)))
    plain = dict(normalization_rule_name="identity", remove_extra_whitespaces=False)
    kinds = {
        "tokenizer.model": plain,
        "with_rules.model": dict(normalization_rule_tsv=str(rules), remove_extra_whitespaces=True),
    }
    found = {}
    for name, options in kinds.items():
        model = train(folder / name, **options)
        texts = [{"text": text, "ids": model.encode(text)} for text in TEXTS]
        found[name] = {"pieces": model.vocab_size(), "texts": texts, "conversation": conversation(model)}
    rules.unlink()
    found["messages"] = MESSAGES
    (folder / "tokens.json").write_text(json.dumps(found, ensure_ascii=False) + "\n")


main()
