//! ChatGLM3 as its authors publish it: a folder with `config.json`, weights in several files, and SentencePiece's
//! `tokenizer.model`.
//!
//! The weights are 16-bit numbers. They become blocks of 8 or 4 bits while they are read, matrix by matrix, and then are
//! what a GGUF file of the model would hold: the network, the tokenizer and the conversation are the same for both.
//!
//! Paper: [ChatGLM](https://arxiv.org/abs/2406.12793). The layout is that of
//! [THUDM/chatglm3-6b](https://huggingface.co/THUDM/chatglm3-6b).

mod config;
mod protobuf;
mod tokenizer;
pub(super) mod turns;
mod weights;

pub use weights::Bits;

use super::error::WriterError;
use super::gguf::ChatModel;
use super::loading::Loading;
use super::tokens;
use crate::models::weights::{Checkpoint, Library, Precision};
use crate::models::{Room, bytes_text};
use crate::nets::llama::Llama;
use crate::progress::Progress;
use config::Published;
use std::path::Path;
use weights::Weights;

/// Its settings.
const CONFIG: &str = "config.json";

/// Loads a published folder, in 8 bits where the free memory holds them, otherwise in 4.
///
/// # Errors
/// When a file is missing, damaged, or of another model.
pub(super) fn load(folder: &Path, progress: &dyn Progress) -> Result<ChatModel, WriterError> {
    let published = Published::read(&folder.join(CONFIG))?;
    // The small file that can be wrong comes before the large ones.
    let metadata = tokenizer::read(folder, published.vocabulary)?;
    let free_bytes = Room::now(folder).memory_bytes;
    let bits = Bits::that_fit(&published, free_bytes);
    let note = (bits == Bits::Four).then(|| {
        format!(
            "{} was read in 4 bits: in 8 bits, in which the same seed writes another script, it needs {} of free memory.",
            folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy(),
            bytes_text(published.needed_bytes(Bits::Eight)),
        )
    });
    progress.stage(bits.stage());
    let net = network_of(folder, &published, bits, progress)?;
    let tokens = tokens::tokens(&metadata, net.vocabulary())?;
    let template = metadata.template()?;
    let (ends, begins_with_space) = (tokens::ends(&metadata), tokens::begins_with_space(&metadata));
    let held_in = Some(bits);
    Ok(ChatModel { net, tokens, template, begin: None, ends, begins_with_space, held_in, note })
}

/// The network of a published folder alone.
///
/// # Errors
/// When a file is missing, damaged, or of another model.
pub fn network_in(folder: &Path, bits: Bits, progress: &dyn Progress) -> Result<Llama, WriterError> {
    network_of(folder, &Published::read(&folder.join(CONFIG))?, bits, progress)
}

fn network_of(folder: &Path, published: &Published, bits: Bits, progress: &dyn Progress) -> Result<Llama, WriterError> {
    let checkpoint = Checkpoint::open_folder(folder, Library::Transformers, Precision::Full)?;
    // The angles of the positions follow from their number.
    let checkpoint = checkpoint.ignoring(&["transformer.rotary_pos_emb."]);
    let weights = Weights { checkpoint: &checkpoint, published, bits };
    let mut loading = Loading::of(checkpoint.tensors().count(), progress);
    let net = Llama::new(published.network(), &mut |name| loading.give(|| weights.read(name)));
    let path = || checkpoint.path().to_owned();
    let net = loading.finish(net, |reason| WriterError::Folder { path: path(), reason })?;
    checkpoint.finish()?;
    Ok(net)
}
