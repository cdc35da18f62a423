//! Tensors of a published folder as a GGUF file would hold them.

use super::config::Published;
use crate::models::weights::Checkpoint;
use crate::nets::ops::quantized::{Format, Stored};
use crate::writer::error::WriterError;

/// What writing takes besides the weights: keys and values of a script, and what is being multiplied.
const BESIDES_WEIGHTS: u64 = 500_000_000;

/// How many bits a weight takes, about.
///
/// Eight bits (Q8_0) say nearly the same as the published sixteen, and take half of their memory. Four (Q4_K) take little
/// more than a quarter and lose a little; the matrices that suffer most, or whose rows have no whole blocks of 256, have
/// five or six.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bits {
    /// Where the memory allows.
    Eight,
    /// Elsewhere.
    Four,
}

impl Bits {
    /// Eight where `free_bytes` hold them, and where the system does not say how much is free.
    pub(super) fn that_fit(published: &Published, free_bytes: Option<u64>) -> Self {
        match free_bytes {
            Some(free) if free < published.needed_bytes(Self::Eight) => Self::Four,
            _ => Self::Eight,
        }
    }

    pub(super) fn stage(self) -> &'static str {
        match self {
            Self::Eight => "loading the writer in 8 bits",
            Self::Four => "loading the writer in 4 bits",
        }
    }

    /// The format for a matrix, by its name in GGUF files.
    fn format(self, name: &str, columns: usize) -> Format {
        let format = match self {
            Self::Eight => Format::Q8_0,
            // It decides between tokens.
            Self::Four if name == "output" => Format::Q6_K,
            Self::Four => Format::Q4_K,
        };
        let fits = |format: &Format| columns.is_multiple_of(format.block_len());
        [format, Format::Q5_0].into_iter().find(fits).unwrap_or(Format::F32)
    }
}

impl Published {
    /// Free memory that writing needs.
    pub(super) fn needed_bytes(&self, bits: Bits) -> u64 {
        let matrices = self.matrices().into_iter().map(|(name, rows, columns)| {
            let count = match name {
                "token_embd" => 1,
                "output" => usize::from(!self.tied),
                _ => self.blocks(),
            };
            let format = bits.format(name, columns);
            (count * rows * (columns / format.block_len()) * format.block_bytes()) as u64
        });
        matrices.sum::<u64>() + BESIDES_WEIGHTS
    }
}

/// Reads tensors by their names in GGUF files.
pub(super) struct Weights<'a> {
    pub checkpoint: &'a Checkpoint,
    pub published: &'a Published,
    pub bits: Bits,
}

impl Weights<'_> {
    /// The tensor of a name, if ChatGLM3 has it.
    pub fn read(&self, name: &str) -> Result<Option<Stored>, WriterError> {
        let Some((key, shape, format)) = self.find(name) else { return Ok(None) };
        Ok(Some(self.checkpoint.quantized(&key, &shape, format)?))
    }

    /// The published name of a tensor, its shape, and the format for it.
    fn find(&self, name: &str) -> Option<(String, Vec<usize>, Format)> {
        let (layer, part) = match name.strip_prefix("blk.") {
            Some(rest) => {
                let (index, part) = rest.split_once('.')?;
                (format!("transformer.encoder.layers.{index}."), part)
            }
            None => ("transformer.".to_owned(), name),
        };
        let vector = |key: &str, len: usize| Some((format!("{layer}{key}"), vec![len], Format::F32));
        let matrix = |key: &str| {
            let part = part.strip_suffix(".weight")?;
            let (_, rows, columns) = self.published.matrices().into_iter().find(|(known, ..)| *known == part)?;
            Some((format!("{layer}{key}"), vec![rows, columns], self.bits.format(part, columns)))
        };
        let hidden = self.published.hidden();
        match part {
            "token_embd.weight" => matrix("embedding.word_embeddings.weight"),
            "output_norm.weight" => vector("encoder.final_layernorm.weight", hidden),
            "output.weight" if !self.published.tied => matrix("output_layer.weight"),
            "attn_norm.weight" => vector("input_layernorm.weight", hidden),
            "attn_qkv.weight" => matrix("self_attention.query_key_value.weight"),
            "attn_qkv.bias" if self.published.qkv_bias => {
                let (_, rows, _) = self.published.matrices()[1];
                vector("self_attention.query_key_value.bias", rows)
            }
            "attn_output.weight" => matrix("self_attention.dense.weight"),
            "ffn_norm.weight" => vector("post_attention_layernorm.weight", hidden),
            // The gate lies above what it lets through, as in GGUF files.
            "ffn_up.weight" => matrix("mlp.dense_h_to_4h.weight"),
            "ffn_down.weight" => matrix("mlp.dense_4h_to_h.weight"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_where_the_memory_holds_them_and_four_elsewhere() {
        let published = Published::chatglm3_6b();
        let [eight, four] = [Bits::Eight, Bits::Four].map(|bits| published.needed_bytes(bits));
        assert!((7_100_000_000..7_200_000_000).contains(&eight), "{eight}");
        assert!((4_200_000_000..4_400_000_000).contains(&four), "{four}");
        assert_eq!(Bits::that_fit(&published, Some(eight)), Bits::Eight);
        assert_eq!(Bits::that_fit(&published, Some(eight - 1)), Bits::Four);
        assert_eq!(Bits::that_fit(&published, Some(0)), Bits::Four);
        assert_eq!(Bits::that_fit(&published, None), Bits::Eight);
    }

    #[test]
    fn rows_without_whole_blocks_of_256_have_five_bits() {
        let formats =
            |bits: Bits| Published::chatglm3_6b().matrices().map(|(name, _, columns)| bits.format(name, columns));
        assert_eq!(formats(Bits::Eight), [Format::Q8_0; 6]);
        let (q4, q5, q6) = (Format::Q4_K, Format::Q5_0, Format::Q6_K);
        assert_eq!(formats(Bits::Four), [q4, q4, q4, q4, q5, q6]);
        assert_eq!(Bits::Eight.format("ffn_down", 40), Format::F32);
    }
}
