//! GGUF files, mapped into memory.
//!
//! Nothing is copied: a tensor is a part of the mapping, which the system reads when it is needed and shares between
//! programs. [The format](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), versions 2 and 3.

use crate::nets::ops::quantized::{Format, Stored};
use candle_core::quantized::gguf_file::Value;
use memmap2::{Advice, Mmap};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Why a GGUF file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The disk refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file contradicts itself.
    #[error("{0}")]
    Damaged(String),
    /// It ends before its tensors do.
    #[error("it has {actual} of at least {expected} bytes")]
    Truncated {
        /// Bytes that its header promises.
        expected: u64,
        /// Bytes that it has.
        actual: u64,
    },
    /// A tensor in a format that there is no code for.
    #[error("the tensor {tensor} is stored as {format}, which is not supported")]
    Format {
        /// Its name.
        tensor: String,
        /// The name, or the number, of the format.
        format: String,
    },
}

fn damaged(reason: impl Into<String>) -> GgufError {
    GgufError::Damaged(reason.into())
}

/// Where a tensor lies.
struct Entry {
    format: Result<Format, String>,
    shape: Vec<usize>,
    /// Its first byte in the file.
    start: u64,
}

/// An open file.
pub struct Gguf {
    mapped: Arc<Mmap>,
    metadata: HashMap<String, Value>,
    tensors: HashMap<String, Entry>,
}

impl Gguf {
    /// Maps a file and checks that all its tensors lie inside it.
    ///
    /// # Errors
    /// When it cannot be read, is no GGUF file, or a damaged or incomplete one.
    #[allow(unsafe_code, reason = "maps a file of weights, see below")]
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let file = File::open(path)?;
        // SAFETY: a mapping is unsound when another process writes to the file meanwhile. Weights are written to another
        // name, checked and renamed into place, and never changed after that; nothing in this program writes to them.
        let mapped = unsafe { Mmap::map(&file) }?;
        // All of it will be needed for the first token. A system that cannot be told so reads it when it is.
        let _ = mapped.advise(Advice::WillNeed);
        let mut reader = Reader { bytes: &mapped, at: 0 };
        let (metadata, mut tensors) = reader.header()?;
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(value) => match value.to_u64() {
                Ok(alignment) if alignment.is_power_of_two() => alignment,
                _ => return Err(damaged(format!("general.alignment is {value:?}, not a power of two"))),
            },
        };
        let data = (reader.at as u64).checked_next_multiple_of(alignment);
        let mut expected = 0;
        for (name, entry) in &mut tensors {
            let end = data.and_then(|data| entry.start.checked_add(data)).and_then(|start| {
                entry.start = start;
                start.checked_add(entry.length()?)
            });
            expected = expected.max(end.ok_or_else(|| damaged(format!("the tensor {name} is impossibly large")))?);
        }
        let actual = mapped.len() as u64;
        if actual < expected {
            return Err(GgufError::Truncated { expected, actual });
        }
        Ok(Self { mapped: Arc::new(mapped), metadata, tensors })
    }

    /// All that the file says besides its tensors; it can be large, and is given away once.
    pub fn take_metadata(&mut self) -> HashMap<String, Value> {
        std::mem::take(&mut self.metadata)
    }

    /// How many tensors there are.
    pub fn tensors(&self) -> usize {
        self.tensors.len()
    }

    /// The tensor of a name, if there is one.
    ///
    /// # Errors
    /// When its format is not supported or it has no rows of whole blocks.
    pub fn tensor(&self, name: &str) -> Result<Option<Stored>, GgufError> {
        let Some(Entry { format, shape, start }) = self.tensors.get(name) else { return Ok(None) };
        let format = format.clone().map_err(|format| GgufError::Format { tensor: name.to_owned(), format })?;
        let whole: Arc<dyn AsRef<[u8]> + Send + Sync> = self.mapped.clone();
        let start = usize::try_from(*start).map_err(|_| damaged("it is too large for this machine"))?;
        let stored = Stored::new(format, shape.clone(), whole, start);
        stored.map(Some).map_err(|error| damaged(format!("the tensor {name}: {error}")))
    }
}

impl Entry {
    /// Its bytes; `None` if that is no number. Formats without code count as nothing.
    fn length(&self) -> Option<u64> {
        let elements = self.shape.iter().try_fold(1_u64, |all, dim| all.checked_mul(*dim as u64))?;
        match self.format {
            Ok(format) => elements.div_ceil(format.block_len() as u64).checked_mul(format.block_bytes() as u64),
            Err(_) => Some(0),
        }
    }
}

/// Reads a header. Whatever it says is held against the bytes that are left, before memory is taken for it.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Metadata and tensors by name.
type Header = (HashMap<String, Value>, HashMap<String, Entry>);

/// Arrays in arrays.
const DEEPEST: usize = 8;

impl Reader<'_> {
    fn header(&mut self) -> Result<Header, GgufError> {
        if self.array()? != *b"GGUF" {
            return Err(damaged("it does not begin as one"));
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return Err(damaged(format!("version {version} of the format is not supported")));
        }
        let (tensor_count, value_count) = (self.u64()?, self.u64()?);
        let mut metadata = HashMap::new();
        for _ in 0..value_count {
            let key = self.string()?;
            let kind = self.u32()?;
            let value = self.value(kind, 0)?;
            metadata.insert(key, value);
        }
        let mut tensors = HashMap::new();
        for _ in 0..tensor_count {
            let name = self.string()?;
            let dimensions = self.u32()?;
            if dimensions > 4 {
                return Err(damaged(format!("the tensor {name} has {dimensions} dimensions")));
            }
            let mut shape = Vec::new();
            for _ in 0..dimensions {
                shape.push(usize::try_from(self.u64()?).map_err(|_| damaged("a tensor is too large"))?);
            }
            // The file has the fastest dimension first.
            shape.reverse();
            let format = Format::from_gguf(self.u32()?);
            let start = self.u64()?;
            if tensors.insert(name.clone(), Entry { format, shape, start }).is_some() {
                return Err(damaged(format!("the tensor {name} is there twice")));
            }
        }
        Ok((metadata, tensors))
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<Value, GgufError> {
        Ok(match kind {
            0 => Value::U8(u8::from_le_bytes(self.array()?)),
            1 => Value::I8(i8::from_le_bytes(self.array()?)),
            2 => Value::U16(u16::from_le_bytes(self.array()?)),
            3 => Value::I16(i16::from_le_bytes(self.array()?)),
            4 => Value::U32(self.u32()?),
            5 => Value::I32(i32::from_le_bytes(self.array()?)),
            6 => Value::F32(f32::from_le_bytes(self.array()?)),
            7 => match self.array()? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                [other] => return Err(damaged(format!("{other} is neither true nor false"))),
            },
            8 => Value::String(self.string()?),
            9 if depth < DEEPEST => {
                let (kind, length) = (self.u32()?, self.u64()?);
                // Nothing is smaller than a byte.
                if length > (self.bytes.len() - self.at) as u64 {
                    return Err(damaged(format!("a list of {length} values does not fit into it")));
                }
                let mut values = Vec::new();
                for _ in 0..length {
                    values.push(self.value(kind, depth + 1)?);
                }
                Value::Array(values)
            }
            10 => Value::U64(self.u64()?),
            11 => Value::I64(i64::from_le_bytes(self.array()?)),
            12 => Value::F64(f64::from_le_bytes(self.array()?)),
            9 => return Err(damaged("its lists are nested too deeply")),
            other => return Err(damaged(format!("values have no type {other}"))),
        })
    }

    fn string(&mut self) -> Result<String, GgufError> {
        let length = self.u64()?;
        let length = usize::try_from(length).map_err(|_| damaged("a text is too long"))?;
        let bytes = self.take(length)?;
        // Some writers end texts with zeros, as C does, and some do not write proper UTF-8.
        let text = String::from_utf8_lossy(bytes);
        Ok(text.trim_end_matches('\0').to_owned())
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn take(&mut self, length: usize) -> Result<&[u8], GgufError> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| damaged("it ends in the middle of its header"))?;
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }
}
