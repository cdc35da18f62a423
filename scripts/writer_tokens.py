"""A small SentencePiece tokenizer and what it makes of some texts, for the tests of src/writer/tokens.rs.

    pip install sentencepiece
    python scripts/writer_tokens.py > tests/data/sentencepiece.json
"""

import io
import json

import sentencepiece

TEXTS = [
    "A fox digs a hole",
    " A fox digs a hole",
    "Scene 1\nwhere: old lighthouse\naction: The keeper  climbs 128 steps.\n",
    "   indented, and    spaced",
    "naïve café, Ærøskøbing, 一个小女孩, 🦊!",
    "the theatre's other theory: thermometer",
    "",
    "\n\n",
]


def main():
    with open("tests/data/premises.txt", encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip()]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="bpe", vocab_size=700, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False,
        character_coverage=0.99, allow_whitespace_only_pieces=True, minloglevel=2,
        user_defined_symbols=["<turn>"],
    )
    found = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = range(found.get_piece_size())
    kind = lambda i: 2 if found.is_unknown(i) else 3 if found.is_control(i) else 6 if found.is_byte(i) else 1
    print(json.dumps({
        "tokens": [found.id_to_piece(i) for i in ids],
        "scores": [round(found.get_score(i), 4) for i in ids],
        "kinds": [4 if found.id_to_piece(i) == "<turn>" else kind(i) for i in ids],
        "texts": [{"text": text, "ids": found.encode(text)} for text in TEXTS],
    }, ensure_ascii=False))


main()
