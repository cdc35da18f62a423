//! `tokenizer.model` of a published folder: SentencePiece's model, with ChatGLM3's special tokens behind it.
//!
//! The [form](https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto) is a message with the
//! pieces, how they were found, and how texts are prepared. It becomes the tables that a GGUF file of the model has.

use super::protobuf::{Fields, Malformed, Value as Field};
use crate::writer::error::WriterError;
use crate::writer::gguf::Metadata;
use candle_core::quantized::gguf_file::Value;
use std::path::Path;

const FILE: &str = "tokenizer.model";
/// No vocabulary is this long, and none is read into memory to find out.
const LONGEST_BYTES: u64 = 64 << 20;
/// Tokens that ChatGLM3 has behind those of the file, in this order.
const SPECIAL: [&str; 9] =
    ["[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"];
/// What a piece is, by its number there and in GGUF files: a plain one, and one that only the program uses.
const NORMAL: u64 = 1;
const CONTROL: u64 = 3;
/// How pieces were found: by merging pairs.
const BPE: u64 = 2;

/// One token.
struct Piece {
    text: String,
    score: f32,
    kind: u64,
}

/// What the file says.
struct Model {
    pieces: Vec<Piece>,
    /// How texts were cut into pieces.
    kind: u64,
    /// The token that ends a text.
    end: u64,
    /// Whether a text begins with a space.
    begins_with_space: bool,
    /// Whether several spaces count as one.
    single_spaces: bool,
    /// What becomes of letters before words are cut; empty where they stay as they are.
    rules: Vec<u8>,
}

/// Reads the file of a folder whose network knows `vocabulary` tokens: what a GGUF file would say of the tokenizer.
///
/// # Errors
/// When it is missing, cut off, or no such model.
pub(super) fn read(folder: &Path, vocabulary: usize) -> Result<Metadata, WriterError> {
    let path = folder.join(FILE);
    let io = |source| WriterError::Read { path: path.clone(), source };
    let wrong = |reason: String| WriterError::Folder { path: path.clone(), reason };
    let length = std::fs::metadata(&path).map_err(io)?.len();
    if length > LONGEST_BYTES {
        return Err(wrong(format!("{length} bytes are too many for a tokenizer; fetch it again")));
    }
    let model = Model::read(&std::fs::read(&path).map_err(io)?).map_err(&wrong)?;
    if model.kind != BPE {
        return Err(wrong("it does not cut words by merging, which is not supported; fetch ChatGLM3's own".to_owned()));
    }
    let count = model.pieces.len() + SPECIAL.len();
    if count > vocabulary {
        return Err(wrong(format!("it has {count} tokens, the network {vocabulary}; fetch the folder again")));
    }
    Ok(model.metadata(&path))
}

impl Model {
    /// Why not, in words.
    fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(b"version https://git-lfs") {
            return Err("it is a pointer of Git LFS; fetch the file itself".to_owned());
        }
        let malformed = |malformed| match malformed {
            Malformed::CutOff => "it is cut off; fetch it again".to_owned(),
            Malformed::NoMessage => "it is no SentencePiece model; fetch ChatGLM3's own".to_owned(),
        };
        // GLM-4's tokenizer is a text, for example; a message has bytes between its words that no text has.
        if bytes.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
            return Err(malformed(Malformed::NoMessage));
        }
        let mut pieces = Vec::new();
        let (mut trainer, mut normalizer) = (None, None);
        for field in Fields(bytes) {
            match field.map_err(malformed)? {
                (1, Field::Bytes(piece)) => pieces.push(Piece::read(piece).map_err(malformed)?),
                (2, Field::Bytes(bytes)) => trainer = Some(bytes),
                (3, Field::Bytes(bytes)) => normalizer = Some(bytes),
                _ => {}
            }
        }
        // They come behind the pieces.
        let (Some(trainer), Some(normalizer)) = (trainer, normalizer) else {
            return Err(malformed(if pieces.is_empty() { Malformed::NoMessage } else { Malformed::CutOff }));
        };
        let mut model =
            Self { pieces, kind: 1, end: 2, begins_with_space: true, single_spaces: true, rules: Vec::new() };
        for field in Fields(trainer) {
            match field.map_err(malformed)? {
                (3, Field::Number(kind)) => model.kind = kind,
                (42, Field::Number(end)) => model.end = end,
                _ => {}
            }
        }
        for field in Fields(normalizer) {
            match field.map_err(malformed)? {
                (2, Field::Bytes(rules)) => model.rules = rules.to_vec(),
                (3, Field::Number(begins)) => model.begins_with_space = begins != 0,
                (4, Field::Number(single)) => model.single_spaces = single != 0,
                _ => {}
            }
        }
        Ok(model)
    }

    /// As a GGUF file says it.
    fn metadata(self, path: &Path) -> Metadata {
        let special = SPECIAL.map(|text| Piece { text: text.to_owned(), score: 0.0, kind: CONTROL });
        let pieces: Vec<Piece> = self.pieces.into_iter().chain(special).collect();
        let all = |value: fn(&Piece) -> Value| Value::Array(pieces.iter().map(value).collect());
        let values = [
            ("model", Value::String("llama".to_owned())),
            ("pre", Value::String("chatglm-spm".to_owned())),
            ("tokens", all(|piece| Value::String(piece.text.clone()))),
            ("scores", all(|piece| Value::F32(piece.score))),
            ("token_type", all(|piece| Value::U64(piece.kind))),
            ("eos_token_id", Value::U64(self.end)),
            ("add_bos_token", Value::Bool(false)),
            ("add_space_prefix", Value::Bool(self.begins_with_space)),
            ("remove_extra_whitespaces", Value::Bool(self.single_spaces)),
            ("precompiled_charsmap", Value::Array(self.rules.into_iter().map(Value::U8).collect())),
        ];
        let values = values.into_iter().map(|(key, value)| (format!("tokenizer.ggml.{key}"), value)).collect();
        Metadata::made(path, "chatglm", values)
    }
}

impl Piece {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut piece = Self { text: String::new(), score: 0.0, kind: NORMAL };
        for field in Fields(bytes) {
            match field? {
                (1, Field::Bytes(text)) => piece.text = String::from_utf8_lossy(text).into_owned(),
                (2, Field::Float(score)) => piece.score = score,
                (3, Field::Number(kind)) => piece.kind = kind,
                _ => {}
            }
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::template::Message;
    use crate::writer::tokens;
    use serde::Deserialize;
    use std::collections::HashMap;

    const TOKENS: &str = include_str!("../../../tests/data/chatglm/tokens.json");

    #[derive(Deserialize)]
    struct Fixture {
        messages: Vec<(String, String)>,
        #[serde(flatten)]
        models: HashMap<String, OfModel>,
    }

    #[derive(Deserialize)]
    struct OfModel {
        pieces: usize,
        texts: Vec<Encoded>,
        conversation: Vec<u32>,
    }

    #[derive(Deserialize)]
    struct Encoded {
        text: String,
        ids: Vec<u32>,
    }

    fn metadata_of(name: &str) -> Metadata {
        let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chatglm").join(name)).unwrap();
        Model::read(&bytes).unwrap().metadata(name.as_ref())
    }

    #[test]
    fn texts_and_conversations_have_the_tokens_of_the_published_code() {
        let fixture: Fixture = serde_json::from_str(TOKENS).unwrap();
        assert_eq!(fixture.models.len(), 2);
        for (name, of_model) in &fixture.models {
            let metadata = metadata_of(name);
            let vocabulary = of_model.pieces + SPECIAL.len() + 7;
            let tokens = tokens::tokens(&metadata, vocabulary).unwrap();
            for Encoded { text, ids } in &of_model.texts {
                // SentencePiece begins every text with a space.
                assert_eq!(tokens.tokenize_special(&format!(" {text}")), *ids, "{name}: {text:?}");
            }
            let messages: Vec<Message> =
                fixture.messages.iter().map(|(role, content)| Message { role, content }).collect();
            let text = metadata.template().unwrap().render(&messages).unwrap();
            assert_eq!(tokens.tokenize_special(&text), of_model.conversation, "{name}: {text:?}");
            // The model's turn ends where somebody else's begins.
            let special = |name: &str| {
                let at = SPECIAL.iter().position(|special| *special == name).unwrap();
                (of_model.pieces + at) as u32
            };
            assert_eq!(tokens::ends(&metadata), [2, special("<|user|>"), special("<|observation|>")]);
        }
    }
}
