//! Tokenizers from the tables in GGUF files, in the form that constrained decoding needs.
//!
//! There are two kinds: byte-level BPE ("gpt2"), whose words are cut by a pattern that the file knows by name, and
//! SentencePiece's BPE ("llama"), which has scores in place of merges and spells unknown characters byte by byte. Both
//! become the JSON that tokenizers are published in, which llguidance reads with its own version of the library.

use super::chatglm::turns;
use super::error::WriterError;
use super::gguf::Metadata;
use candle_core::quantized::gguf_file::Value;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use toktrie::TokEnv;
use toktrie_hf_tokenizers::ByteTokenizer;

/// What a token is, by its number in GGUF files.
const UNKNOWN: u64 = 2;
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;
const UNUSED: u64 = 5;
const BYTE: u64 = 6;

/// SentencePiece's stand-in for a space.
const SPACE: &str = "\u{2581}";

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT_4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How a byte-level tokenizer cuts words before it looks them up.
struct Cutting {
    pattern: &'static str,
    /// Digits stand alone, whatever the pattern says.
    single_digits: bool,
    /// Accents are joined with their letters first.
    composed: bool,
    /// A word that is a token is taken whole.
    whole_words: bool,
}

impl Cutting {
    /// That of a variety, by its name in GGUF files.
    fn of(variety: &str) -> Option<Self> {
        let usual = Self { pattern: GPT2, single_digits: false, composed: false, whole_words: false };
        Some(match variety {
            "default" | "gpt-2" | "gpt2" | "phi-2" | "olmo" => usual,
            "smollm" | "starcoder" | "refact" | "command-r" => Self { single_digits: true, ..usual },
            "qwen2" | "deepseek-r1-qwen" | "megrez" => Self { pattern: QWEN2, composed: true, ..usual },
            "llama3" | "llama-v3" | "llama-bpe" | "falcon3" => Self { pattern: LLAMA3, whole_words: true, ..usual },
            "dbrx" | "smaug-bpe" | "lfm2" | "chatglm-bpe" | "glm4" => Self { pattern: LLAMA3, ..usual },
            "tekken" | "pixtral" => Self { pattern: TEKKEN, whole_words: true, ..usual },
            "gpt-4o" => Self { pattern: GPT_4O, ..usual },
            _ => return None,
        })
    }
}

/// The tables of a file.
struct Tables<'a> {
    metadata: &'a Metadata,
    tokens: Vec<&'a str>,
    /// What each of them is; all are plain words where the file does not say.
    kinds: Vec<u64>,
}

/// The tokenizer of a file, with `vocabulary` entries.
///
/// # Errors
/// When tables are missing or make no sense, or there is no code for the kind.
pub(super) fn tokens(metadata: &Metadata, vocabulary: usize) -> Result<TokEnv, WriterError> {
    let error = |reason: String| metadata.tokenizer_error(reason);
    let tables = Tables::of(metadata)?;
    let json = match metadata.text("tokenizer.ggml.model") {
        Some("gpt2") => tables.byte_level()?,
        Some("llama") => tables.sentence_piece()?,
        Some(other) => return Err(error(format!("it is of the kind \"{other}\""))),
        None => return Err(error("tokenizer.ggml.model is missing".to_owned())),
    };
    let mut tokenizer =
        ByteTokenizer::from_json_bytes(json.to_string().as_bytes()).map_err(|e| error(e.to_string()))?;
    let count = tokenizer.tokrx_info().vocab_size;
    let ends: Vec<u32> = ends(metadata).into_iter().filter(|end| *end < count).collect();
    if !ends.is_empty() {
        tokenizer.set_eos_tokens(&ends);
    }
    tokenizer.into_tok_env(Some(vocabulary)).map_err(|e| error(e.to_string()))
}

/// The tokens with which the model ends its turn.
pub(super) fn ends(metadata: &Metadata) -> Vec<u32> {
    let keys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];
    let mut ends: Vec<u32> = Vec::new();
    for end in keys.iter().filter_map(|key| metadata.number(key)).filter_map(|end| u32::try_from(end).ok()) {
        if !ends.contains(&end) {
            ends.push(end);
        }
    }
    if metadata.family == "chatglm"
        && let Ok(tokens) = metadata.list("tokenizer.ggml.tokens")
    {
        let is_end = |token: &Value| token.to_string().is_ok_and(|token| turns::ENDS.contains(&token.as_str()));
        let others = (0_u32..).zip(tokens).filter(|(_, token)| is_end(token)).map(|(id, _)| id);
        let others: Vec<u32> = others.filter(|id| !ends.contains(id)).collect();
        ends.extend(others);
    }
    ends
}

/// Whether a text that does not begin with a special token begins with a space, as SentencePiece's do.
pub(super) fn begins_with_space(metadata: &Metadata) -> bool {
    metadata.text("tokenizer.ggml.model") == Some("llama")
        && metadata.flag("tokenizer.ggml.add_space_prefix").unwrap_or(true)
}

impl<'a> Tables<'a> {
    fn of(metadata: &'a Metadata) -> Result<Self, WriterError> {
        let tokens = metadata.list("tokenizer.ggml.tokens")?;
        let tokens: Option<Vec<&str>> = tokens.iter().map(|token| token.to_string().ok().map(String::as_str)).collect();
        let tokens = tokens.ok_or_else(|| metadata.tokenizer_error("a token is no text"))?;
        let mut kinds = match metadata.list("tokenizer.ggml.token_type") {
            Ok(kinds) => kinds.iter().map(|kind| number(kind).unwrap_or(1)).collect(),
            Err(_) => Vec::new(),
        };
        kinds.resize(tokens.len(), 1);
        for key in ["bos", "eos", "eot", "eom", "padding", "unknown"] {
            // They are special whatever their kind says.
            let id = metadata.number(&format!("tokenizer.ggml.{key}_token_id")).and_then(|id| usize::try_from(id).ok());
            if let Some(kind) = id.and_then(|id| kinds.get_mut(id)).filter(|kind| !matches!(**kind, UNKNOWN | BYTE)) {
                *kind = CONTROL;
            }
        }
        Ok(Self { metadata, tokens, kinds })
    }

    /// Spellings by id, each once: one that is there twice counts where it is first.
    ///
    /// A special token that is spelt like a part of a word gets brackets, or it would be found inside words: ChatGLM3 has
    /// one called "eop", as in "people".
    fn spellings(&self) -> Vec<String> {
        let mut known: HashSet<String> = HashSet::new();
        let mut spellings = Vec::with_capacity(self.tokens.len());
        for (id, (token, kind)) in self.tokens.iter().zip(&self.kinds).enumerate() {
            let is_like_a_word = *kind == CONTROL && !token.is_empty() && token.chars().all(char::is_alphabetic);
            let token = if is_like_a_word { format!("<{token}>") } else { (*token).to_owned() };
            let is_new = known.insert(token.clone());
            spellings.push(if is_new { token } else { format!("<|again {id}|>") });
        }
        spellings
    }

    fn json(&self, spellings: &[String], model: serde_json::Value, rest: serde_json::Value) -> serde_json::Value {
        let added: Vec<_> = spellings
            .iter()
            .zip(&self.tokens)
            .zip(&self.kinds)
            .enumerate()
            .filter(|(_, ((spelling, token), kind))| {
                matches!(**kind, UNKNOWN | CONTROL | USER_DEFINED | UNUSED) || spelling != *token
            })
            .filter(|(_, ((spelling, _), _))| !spelling.is_empty())
            .map(|(id, ((spelling, _), kind))| {
                json!({
                    "id": id, "content": spelling, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": *kind != USER_DEFINED,
                })
            })
            .collect();
        let mut whole = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "post_processor": null,
            "model": model,
        });
        if let (Some(whole), serde_json::Value::Object(rest)) = (whole.as_object_mut(), rest) {
            whole.extend(rest);
        }
        whole
    }

    fn byte_level(&self) -> Result<serde_json::Value, WriterError> {
        let variety = self.metadata.text("tokenizer.ggml.pre").unwrap_or("default");
        let Some(cutting) = Cutting::of(variety) else {
            return Err(self.metadata.tokenizer_error(format!("its words are cut as in \"{variety}\"")));
        };
        let merges = self.metadata.list("tokenizer.ggml.merges")?;
        let merge = |merge: &Value| {
            let text = merge.to_string().ok()?;
            text.split_once(' ').map(|(first, second)| json!([first, second]))
        };
        let merges: Option<Vec<_>> = merges.iter().map(merge).collect();
        let merges = merges.ok_or_else(|| self.metadata.tokenizer_error("a merge is not two words"))?;
        let spellings = self.spellings();
        let mut steps = Vec::new();
        if cutting.single_digits {
            steps.push(json!({"type": "Digits", "individual_digits": true}));
        }
        let pattern = json!({"Regex": cutting.pattern});
        steps.push(json!({"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false}));
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
        steps.push(bytes.clone());
        let rest = json!({
            "normalizer": if cutting.composed { json!({"type": "NFC"}) } else { json!(null) },
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
            "decoder": bytes,
        });
        let model = model(&spellings, merges, None, cutting.whole_words);
        Ok(self.json(&spellings, model, rest))
    }

    fn sentence_piece(&self) -> Result<serde_json::Value, WriterError> {
        let scores = self.metadata.list("tokenizer.ggml.scores")?;
        if scores.len() != self.tokens.len() {
            let reason = format!("{} scores for {} tokens", scores.len(), self.tokens.len());
            return Err(self.metadata.tokenizer_error(reason));
        }
        let scores: Option<Vec<f32>> = scores.iter().map(|score| score.to_f32().ok()).collect();
        let scores = scores.ok_or_else(|| self.metadata.tokenizer_error("a score is no number"))?;
        if let Some(token) = self.tokens.iter().find(|token| token.starts_with("<0x") && !is_byte(token)) {
            return Err(self.metadata.tokenizer_error(format!("the token {token} is not the byte that it looks like")));
        }
        let spellings = self.spellings();
        let merges = merges_by_score(&spellings, &self.kinds, &scores);
        let unknown = self.kinds.iter().position(|kind| *kind == UNKNOWN).map(|id| spellings[id].as_str());
        let space = |from: &str, to: &str| json!({"type": "Replace", "pattern": {"String": from}, "content": to});
        let mut normalizers = Vec::new();
        if let Some(rules) = self.metadata.bytes("tokenizer.ggml.precompiled_charsmap") {
            normalizers.push(json!({"type": "Precompiled", "precompiled_charsmap": base64(&rules)}));
        }
        if self.metadata.flag("tokenizer.ggml.remove_extra_whitespaces") == Some(true) {
            normalizers.push(json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}));
        }
        normalizers.push(space(" ", SPACE));
        let rest = json!({
            "normalizer": {"type": "Sequence", "normalizers": normalizers},
            "pre_tokenizer": null,
            "decoder": {
                "type": "Sequence",
                "decoders": [space(SPACE, " "), {"type": "ByteFallback"}, {"type": "Fuse"}],
            },
        });
        Ok(self.json(&spellings, model(&spellings, merges, unknown, false), rest))
    }
}

fn model(
    spellings: &[String],
    merges: Vec<serde_json::Value>,
    unknown: Option<&str>,
    whole_words: bool,
) -> serde_json::Value {
    let vocabulary: serde_json::Map<_, _> =
        spellings.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect();
    json!({
        "type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": unknown.is_some(),
        "ignore_merges": whole_words, "vocab": vocabulary, "merges": merges,
    })
}

/// The merges that scores stand for: every way to make a token of two others, the best token first.
fn merges_by_score(spellings: &[String], kinds: &[u64], scores: &[f32]) -> Vec<serde_json::Value> {
    let is_word = |id: usize| !matches!(kinds[id], UNKNOWN | CONTROL | UNUSED | BYTE);
    let ids: HashMap<&str, usize> =
        spellings.iter().enumerate().filter(|(id, _)| is_word(*id)).map(|(id, word)| (word.as_str(), id)).collect();
    let mut merges: Vec<(f32, usize, usize)> = Vec::new();
    for (id, word) in spellings.iter().enumerate().filter(|(id, _)| is_word(*id)) {
        for (at, _) in word.char_indices().skip(1) {
            let (first, second) = word.split_at(at);
            if let (Some(first), Some(second)) = (ids.get(first), ids.get(second)) {
                merges.push((scores[id], *first, *second));
            }
        }
    }
    merges.sort_by(|one, other| other.0.total_cmp(&one.0).then((one.1, one.2).cmp(&(other.1, other.2))));
    merges.into_iter().map(|(_, first, second)| json!([spellings[first], spellings[second]])).collect()
}

/// Bytes as text, in the form that JSON of tokenizers has.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().zip([16, 8, 0]).fold(0, |bits, (byte, shift)| bits | u32::from(*byte) << shift);
        let letter = |i: usize| char::from(LETTERS[(bits >> (18 - 6 * i)) as usize & 63]);
        text.extend((0..4).map(|i| if i <= three.len() { letter(i) } else { '=' }));
    }
    text
}

/// Whether a token spells one byte, as in `<0x0A>`.
fn is_byte(token: &str) -> bool {
    let digits = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    digits.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn number(value: &Value) -> Option<u64> {
    match *value {
        Value::I8(v) => v.try_into().ok(),
        Value::I16(v) => v.try_into().ok(),
        Value::I32(v) => v.try_into().ok(),
        Value::I64(v) => v.try_into().ok(),
        ref other => other.to_u64().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Fixture {
        tokens: Vec<String>,
        scores: Vec<f32>,
        kinds: Vec<i32>,
        texts: Vec<Encoded>,
    }

    #[derive(Deserialize)]
    struct Encoded {
        text: String,
        ids: Vec<u32>,
    }

    fn fixture() -> Fixture {
        serde_json::from_str(include_str!("../../tests/data/sentencepiece.json")).unwrap()
    }

    fn metadata(fixture: &Fixture) -> Metadata {
        let values = [
            ("model", Value::String("llama".to_owned())),
            ("tokens", Value::Array(fixture.tokens.iter().cloned().map(Value::String).collect())),
            ("scores", Value::Array(fixture.scores.iter().copied().map(Value::F32).collect())),
            ("token_type", Value::Array(fixture.kinds.iter().copied().map(Value::I32).collect())),
            ("eos_token_id", Value::U32(2)),
        ];
        let values = values.into_iter().map(|(key, value)| (format!("tokenizer.ggml.{key}"), value)).collect();
        Metadata::made("made.gguf".as_ref(), "llama", values)
    }

    #[test]
    fn scores_cut_words_as_sentence_piece_does() {
        let fixture = fixture();
        let tokens = tokens(&metadata(&fixture), fixture.tokens.len()).unwrap();
        for Encoded { text, ids } in &fixture.texts {
            assert_eq!(tokens.tokenize(text), *ids, "{text:?}");
            assert_eq!(tokens.tok_trie().decode(ids), text.as_bytes(), "{text:?}");
        }
        let turn = fixture.tokens.iter().position(|token| token == "<turn>").unwrap() as u32;
        assert!(tokens.tokenize_special("a<turn>b").contains(&turn));
        assert!(!tokens.tokenize("a<turn>b").is_empty());
        assert_eq!(tokens.tok_trie().eos_token(), 2);
    }

    #[test]
    fn tables_that_make_no_sense_are_named() {
        let with = |change: &dyn Fn(&mut Fixture)| {
            let mut fixture = fixture();
            change(&mut fixture);
            tokens(&metadata(&fixture), fixture.tokens.len()).err().map(|error| error.to_string())
        };
        assert_eq!(with(&|_| {}), None);
        let error = with(&|fixture| fixture.scores.truncate(699)).unwrap();
        assert!(error.contains("699 scores for 700 tokens"), "{error}");
        let error = with(&|fixture| fixture.tokens[20] = "<0xZZZ".to_owned()).unwrap();
        assert!(error.contains("<0xZZZ"), "{error}");
        // A token that is there twice counts once.
        assert_eq!(with(&|fixture| fixture.tokens[500] = fixture.tokens[400].clone()), None);
        assert_eq!(with(&|fixture| fixture.kinds.truncate(10)), None);
    }

    #[test]
    fn words_of_every_variety_are_cut_somehow() {
        for variety in ["gpt-2", "smollm", "qwen2", "llama-bpe", "dbrx", "tekken", "gpt-4o", "chatglm-bpe"] {
            let cutting = Cutting::of(variety).unwrap();
            assert!(!cutting.pattern.is_empty());
        }
        assert!(Cutting::of("whatever").is_none());
    }
}
