//! CLIP's tokenizer: byte-level byte-pair encoding of lower-cased words, into a fixed number of tokens.
//!
//! Source: `CLIPTokenizer` of transformers 4.41 without ftfy, which is what the released code ran on. Its ids are matched,
//! with two things that are easily missed: control characters vanish, and the padding token is also found inside the
//! text. (In Stable Diffusion 2 and XL that is `!`, so an exclamation mark ends a word there, and is token 0.)

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::replace::{Replace, ReplacePattern};
use tokenizers::normalizers::{BertNormalizer, Lowercase, NFC, NormalizerWrapper, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

/// Merges that the vocabulary of CLIP has; transformers ignores what a file has beyond them.
const MOST_MERGES: usize = 49_152 - 256 - 2;

/// Ends every word's last token.
const WORD_END: &str = "</w>";

/// One word: a contraction's tail, letters, a digit, or signs.
const WORD: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+";

/// Characters that transformers takes out: control and format characters, unassigned ones, and the replacement character.
const REMOVED: &str = r"[\p{C}\x{FFFD}&&[^\t\n\r]]+";

/// A capital sigma that ends a word, which Python lower-cases to the letter's final form.
const FINAL_SIGMA: &str = r"(?<=\p{Cased}|\p{Cased}\p{Case_Ignorable})Σ(?!\p{Case_Ignorable}*\p{Cased})";

/// What a tokenizer does beside splitting words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerSettings {
    /// Begins a text.
    pub begin: String,
    /// Ends a text.
    pub end: String,
    /// Fills a short text up: the end token for Stable Diffusion 1.5, `!` for 2.1 and the second tokenizer of XL.
    pub padding: String,
    /// Stands for what the vocabulary does not have.
    pub unknown: String,
    /// Tokens of every text, with beginning, end and padding; at least 2.
    pub length: usize,
}

impl Default for TokenizerSettings {
    fn default() -> Self {
        let end = || "<|endoftext|>".to_owned();
        Self { begin: "<|startoftext|>".to_owned(), end: end(), padding: end(), unknown: end(), length: 77 }
    }
}

impl TokenizerSettings {
    /// Reads `tokenizer_config.json` and `special_tokens_map.json`, as far as they are there.
    ///
    /// Where the two disagree the second one holds, unless the first lists its added tokens: so do transformers, and the
    /// files of Stable Diffusion 2.1 need it.
    ///
    /// # Errors
    /// When a file is not what it should be.
    pub fn from_json(
        tokenizer_config: Option<&[u8]>,
        special_tokens_map: Option<&[u8]>,
    ) -> Result<Self, TokenizerError> {
        let mut settings = Self::default();
        let mut is_complete = false;
        if let Some(bytes) = tokenizer_config {
            let file: ConfigFile = read_json("tokenizer_config.json", bytes)?;
            is_complete = file.added_tokens_decoder.is_some();
            // Files that have no limit hold a huge number instead.
            if let Some(length) = file.model_max_length.filter(|length| (2.0..100_000.0).contains(length)) {
                settings.length = length as usize;
            }
            settings.set(file.tokens);
        }
        if let Some(bytes) = special_tokens_map {
            let tokens: SpecialTokens = read_json("special_tokens_map.json", bytes)?;
            if !is_complete {
                settings.set(tokens);
            }
        }
        Ok(settings)
    }

    fn set(&mut self, tokens: SpecialTokens) {
        let SpecialTokens { bos_token, eos_token, pad_token, unk_token } = tokens;
        let settings = [&mut self.begin, &mut self.end, &mut self.padding, &mut self.unknown];
        for (setting, token) in settings.into_iter().zip([bos_token, eos_token, pad_token, unk_token]) {
            if let Some(NamedToken::Text(content) | NamedToken::Token { content }) = token {
                *setting = content;
            }
        }
    }
}

#[derive(Deserialize)]
struct ConfigFile {
    model_max_length: Option<f64>,
    added_tokens_decoder: Option<serde::de::IgnoredAny>,
    #[serde(flatten)]
    tokens: SpecialTokens,
}

#[derive(Deserialize)]
struct SpecialTokens {
    bos_token: Option<NamedToken>,
    eos_token: Option<NamedToken>,
    pad_token: Option<NamedToken>,
    unk_token: Option<NamedToken>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NamedToken {
    Text(String),
    Token { content: String },
}

/// A text as the text encoder takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// As many as the settings say: the beginning, the text, the end, padding.
    pub ids: Vec<u32>,
    /// What did not fit: the end of the text, from the first word that lost a token on.
    pub left_out: Option<String>,
}

/// Why a tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A file does not have the form that it should have.
    #[error("{file}: {reason}; fetch the tokenizer again from where it came from")]
    Damaged {
        /// The file's usual name.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read.
    #[error("{file}: {source}")]
    Unread {
        /// The file's usual name.
        file: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// There are no files of a tokenizer.
    #[error("there is neither vocab.json with merges.txt nor tokenizer.json; fetch the tokenizer again")]
    NoFiles,
    /// A token that every text needs is not in the vocabulary.
    #[error("the vocabulary has no token \"{0}\"; use the tokenizer files of one checkpoint together")]
    NoToken(String),
    /// There is no room for a beginning and an end.
    #[error("a text of {0} tokens has no beginning and end; 2 is the least")]
    TooShort(usize),
    /// The text could not be split.
    #[error("the text cannot be split into tokens: {0}")]
    Text(String),
}

/// CLIP's tokenizer.
#[derive(Debug, Clone)]
pub struct ClipTokenizer {
    tokenizer: Tokenizer,
    begin: u32,
    end: u32,
    padding: u32,
    length: usize,
}

impl ClipTokenizer {
    /// From the files of a published tokenizer, which `read` gives by their names, `None` for one that is not there.
    ///
    /// Where there are both forms, the vocabulary counts: it is what the released code reads.
    ///
    /// # Errors
    /// When files are missing, cannot be read or are damaged.
    pub fn from_files(read: impl Fn(&str) -> std::io::Result<Option<Vec<u8>>>) -> Result<Self, TokenizerError> {
        let read = |file: &'static str| read(file).map_err(|source| TokenizerError::Unread { file, source });
        let (config, special) = (read("tokenizer_config.json")?, read("special_tokens_map.json")?);
        let settings = TokenizerSettings::from_json(config.as_deref(), special.as_deref())?;
        if let (Some(vocab), Some(merges)) = (read("vocab.json")?, read("merges.txt")?) {
            return Self::from_vocab(&vocab, &merges, &settings);
        }
        let json = read("tokenizer.json")?.ok_or(TokenizerError::NoFiles)?;
        Self::from_tokenizer_json(&json, &settings)
    }

    /// From the contents of `vocab.json` and `merges.txt`.
    ///
    /// # Errors
    /// When a file is damaged, or the two do not belong together.
    pub fn from_vocab(vocab: &[u8], merges: &[u8], settings: &TokenizerSettings) -> Result<Self, TokenizerError> {
        let vocab: HashMap<String, u32> = read_json("vocab.json", vocab)?;
        let merges = read_merges(merges, &vocab)?;
        if !vocab.contains_key(&settings.unknown) {
            return Err(TokenizerError::NoToken(settings.unknown.clone()));
        }
        let model = BPE::builder()
            .vocab_and_merges(vocab.into_iter().collect::<Vocab>(), merges)
            .unk_token(settings.unknown.clone())
            .end_of_word_suffix(WORD_END.to_owned())
            .build()
            .map_err(|error| damaged("merges.txt", error))?;
        let mut tokenizer = Tokenizer::new(model);
        split_like_clip(&mut tokenizer).map_err(|error| damaged("merges.txt", error))?;
        Self::new(tokenizer, settings)
    }

    /// From the contents of `tokenizer.json`.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn from_tokenizer_json(json: &[u8], settings: &TokenizerSettings) -> Result<Self, TokenizerError> {
        let tokenizer = Tokenizer::from_bytes(json).map_err(|error| damaged("tokenizer.json", error))?;
        Self::new(tokenizer, settings)
    }

    fn new(mut tokenizer: Tokenizer, settings: &TokenizerSettings) -> Result<Self, TokenizerError> {
        let TokenizerSettings { begin, end, padding, unknown, length } = settings;
        if *length < 2 {
            return Err(TokenizerError::TooShort(*length));
        }
        let id = |token: &String| tokenizer.token_to_id(token).ok_or_else(|| TokenizerError::NoToken(token.clone()));
        let ids = (id(begin)?, id(end)?, id(padding)?);
        let special = [begin, end, padding, unknown].map(|token| AddedToken::from(token, true).normalized(true));
        tokenizer.add_special_tokens(special).map_err(|error| damaged("tokenizer.json", error))?;
        // Both are done here, where what is cut off can be told.
        tokenizer.with_truncation(None).map_err(|error| damaged("tokenizer.json", error))?;
        tokenizer.with_padding(None);
        Ok(Self { tokenizer, begin: ids.0, end: ids.1, padding: ids.2, length: *length })
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// When a `tokenizer.json` has rules that fail on this text.
    pub fn encode(&self, text: &str) -> Result<Tokens, TokenizerError> {
        let encoding = self.tokenizer.encode(text, false).map_err(|error| TokenizerError::Text(error.to_string()))?;
        let all = encoding.get_ids();
        let room = self.length - 2;
        let mut ids = Vec::with_capacity(self.length);
        ids.push(self.begin);
        ids.extend(&all[..all.len().min(room)]);
        ids.push(self.end);
        ids.resize(self.length, self.padding);

        let left_out = (all.len() > room).then(|| {
            let words = encoding.get_word_ids();
            let first = words.iter().position(|word| *word == words[room]).unwrap_or(room);
            text.get(encoding.get_offsets()[first].0..).unwrap_or(text).trim().to_owned()
        });
        Ok(Tokens { ids, left_out })
    }

    /// Tokens of every text.
    pub fn length(&self) -> usize {
        self.length
    }
}

fn damaged(file: &'static str, error: impl ToString) -> TokenizerError {
    TokenizerError::Damaged { file, reason: error.to_string() }
}

fn read_json<T: DeserializeOwned>(file: &'static str, bytes: &[u8]) -> Result<T, TokenizerError> {
    serde_json::from_slice(bytes).map_err(|error| damaged(file, error))
}

/// The pairs of `merges.txt`, whose first line is a version.
fn read_merges(bytes: &[u8], vocab: &HashMap<String, u32>) -> Result<Vec<(String, String)>, TokenizerError> {
    let text = std::str::from_utf8(bytes).map_err(|error| damaged("merges.txt", error))?;
    let lines = text.trim().split('\n').enumerate().skip(1).take(MOST_MERGES);
    let merge = |(index, line): (usize, &str)| {
        let wrong = |what: &str| damaged("merges.txt", format!("line {}: {what}", index + 1));
        let mut parts = line.split_whitespace();
        let (Some(left), Some(right), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("there are not two parts"));
        };
        for token in [left, right, &format!("{left}{right}")] {
            if !vocab.contains_key(token) {
                return Err(wrong(&format!("the vocabulary has no \"{token}\"")));
            }
        }
        Ok((left.to_owned(), right.to_owned()))
    };
    lines.map(merge).collect()
}

/// Cleans and splits text as transformers do before the merges.
fn split_like_clip(tokenizer: &mut Tokenizer) -> tokenizers::Result<()> {
    let replace = |pattern: &str, by| Replace::new(ReplacePattern::Regex(pattern.to_owned()), by);
    let cleaned = Normalizers::new(vec![
        NormalizerWrapper::Replace(replace(REMOVED, "")?),
        // Only its part that sets every Chinese character apart.
        NormalizerWrapper::BertNormalizer(BertNormalizer::new(false, true, Some(false), false)),
        NormalizerWrapper::NFC(NFC),
        NormalizerWrapper::Replace(replace(FINAL_SIGMA, "ς")?),
        NormalizerWrapper::Lowercase(Lowercase),
    ]);
    let words = Split::new(SplitPattern::Regex(WORD.to_owned()), SplitDelimiterBehavior::Removed, true)?;
    let bytes = ByteLevel::new(false, false, false);
    tokenizer.with_normalizer(Some(cleaned))?;
    tokenizer.with_pre_tokenizer(Some(PreTokenizers::new(vec![words.into(), bytes.into()])));
    Ok(())
}
