//! What can go wrong while writing.

use crate::progress::Cancelled;
use std::path::PathBuf;

/// Model families that the writer can run, by the `general.architecture` of their GGUF files.
///
/// Files of mistral models say "llama", those of ChatGLM3 and GLM-4 "chatglm".
pub const FAMILIES: [&str; 8] = ["llama", "qwen2", "qwen3", "phi3", "gemma", "gemma2", "gemma3", "chatglm"];

/// Why there is no script.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The user stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// There is nothing to write about.
    #[error("the premise is empty; say in one sentence what the film is about")]
    EmptyPremise,
    /// There is nothing to split into scenes.
    #[error("the text has no words to make scenes of")]
    EmptyText,
    /// A scene count outside the range.
    #[error("a script has {first} to {last} scenes, not {asked}", first = super::SCENES.start(), last = super::SCENES.end())]
    SceneCount {
        /// Scenes asked for.
        asked: u32,
    },
    /// A sampling setting outside its range.
    #[error("the {field} is {value}; it goes from {least} to {most}")]
    Sampling {
        /// Its name.
        field: &'static str,
        /// What was asked for.
        value: f32,
        /// The least that makes sense.
        least: f32,
        /// The most that makes sense.
        most: f32,
    },
    /// A prompt file of the user's own that cannot be used.
    #[error("{path}: {reason}; mend the file or delete it to use the built-in one")]
    Prompt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be opened or read.
    #[error("cannot read the model {path}: {source}")]
    Read {
        /// The model file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no GGUF file, or a broken one.
    #[error("{path} is not a usable GGUF file ({reason}); fetch it again")]
    Corrupt {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file ends before its tensors do.
    #[error("{path} is cut off: it has {actual} of at least {expected} bytes; fetch it again")]
    Truncated {
        /// The model file.
        path: PathBuf,
        /// Bytes that its header promises.
        expected: u64,
        /// Bytes that it has.
        actual: u64,
    },
    /// A file of a published folder says something that cannot be.
    #[error("{path}: {reason}")]
    Folder {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The weights of a published folder.
    #[error(transparent)]
    Weights(#[from] crate::models::weights::WeightsError),
    /// Weights in a format that there is no code for.
    #[error(
        "{path}: the tensor {tensor} is stored as {format}, which is not supported; choose a file in one of the formats \
         Q2_K to Q8_0, F16, BF16 or F32"
    )]
    Format {
        /// The model file.
        path: PathBuf,
        /// The first such tensor.
        tensor: String,
        /// The name, or the number, of the format.
        format: String,
    },
    /// A model family without an implementation.
    #[error("{path} is a \"{family}\" model; the writer runs these families: {} (mistral models call themselves llama)", FAMILIES.join(", "))]
    Family {
        /// The model file.
        path: PathBuf,
        /// Its `general.architecture`.
        family: String,
    },
    /// A tokenizer that is damaged, or of a kind without code.
    #[error(
        "{path} has a tokenizer that cannot be used ({reason}); choose another file of this model, or another model"
    )]
    Tokenizer {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No chat template, or one that does not work.
    #[error(
        "{path} has no usable chat template ({reason}); choose an instruction-tuned (\"instruct\" or \"chat\") model"
    )]
    Template {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The model cannot hold the instructions and a script at once.
    #[error(
        "the model reads at most {context} tokens, and a script of {scenes} scenes needs {needed}; ask for fewer scenes or choose a model with a longer context"
    )]
    Context {
        /// Tokens that it can attend to.
        context: usize,
        /// Tokens that are needed.
        needed: usize,
        /// Scenes asked for.
        scenes: u32,
    },
    /// A text grew beyond what the model can hold.
    #[error(
        "the text has grown beyond the {context} tokens that the model reads; choose a model with a longer context"
    )]
    ContextFull {
        /// Tokens that it can attend to.
        context: usize,
    },
    /// A revision that is not possible.
    #[error(transparent)]
    Revise(#[from] super::ReviseError),
    /// A server that does not answer as it should.
    #[error(transparent)]
    Server(#[from] super::ServerError),
    /// A server whose answers do not make a script.
    #[error(
        "the server at {address} gave {had} of {wanted} scenes in {tries} answers ({reason}); scenes that came are kept, try \
         again or choose another model"
    )]
    ServerScript {
        /// The server.
        address: String,
        /// Whole scenes.
        had: usize,
        /// Scenes that there have to be.
        wanted: usize,
        /// How often it was asked.
        tries: usize,
        /// What was wrong with the last answer.
        reason: String,
    },
    /// A server whose answers do not make a revision.
    #[error("the server at {address} was asked {tries} times, and {reason}; try again or choose another model")]
    ServerRevision {
        /// The server.
        address: String,
        /// How often it was asked.
        tries: usize,
        /// What was wrong with the last answer.
        reason: String,
    },
    /// The network failed.
    #[error("the model failed: {0}")]
    Model(#[from] candle_core::Error),
    /// The constraint failed.
    #[error("the script's grammar failed: {0}")]
    Grammar(String),
}
