//! Builds files as `torch.save` writes them, instruction by instruction, so that they can be made wrong.

use std::io::Write;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The instructions of a pickle.
#[derive(Default, Clone)]
pub struct Pickle(pub Vec<u8>);

/// One tensor of f32 in a state dictionary.
pub struct Describe {
    pub key: &'static str,
    pub storage: &'static str,
    pub storage_len: u64,
    pub offset: u64,
    pub shape: Vec<u64>,
    pub strides: Vec<u64>,
}

impl Describe {
    /// One dimension, and all of its storage.
    pub fn row(key: &'static str, storage: &'static str, len: u64) -> Self {
        Self { key, storage, storage_len: len, offset: 0, shape: vec![len], strides: vec![1] }
    }
}

impl Pickle {
    pub fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub fn name(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    pub fn text(self, text: &str) -> Self {
        self.op(b"X").op(&(text.len() as u32).to_le_bytes()).op(text.as_bytes())
    }

    pub fn int(self, value: u64) -> Self {
        // A zero byte at the end keeps the number positive.
        self.op(&[0x8a, 9]).op(&value.to_le_bytes()).op(&[0])
    }

    /// A number that fits into eight bytes with its sign.
    fn size(self, value: u64) -> Self {
        self.op(&[0x8a, 8]).op(&value.to_le_bytes())
    }

    fn sizes(self, values: &[u64]) -> Self {
        values.iter().fold(self.op(b"("), |pickle, &value| pickle.size(value)).op(b"t")
    }

    /// The arguments of `_rebuild_tensor_v2`, as a tuple.
    pub fn tensor_arguments(self, tensor: &Describe) -> Self {
        self.op(b"((")
            .text("storage")
            .name("torch", "FloatStorage")
            .text(tensor.storage)
            .text("cpu")
            .size(tensor.storage_len)
            .op(b"tQ")
            .size(tensor.offset)
            .sizes(&tensor.shape)
            .sizes(&tensor.strides)
            .op(&[0x89])
            .name("collections", "OrderedDict")
            .op(b")Rt")
    }

    pub fn tensor(self, tensor: &Describe) -> Self {
        self.name("torch._utils", "_rebuild_tensor_v2").tensor_arguments(tensor).op(b"R")
    }

    /// A dictionary of tensors.
    pub fn dict(self, tensors: &[Describe]) -> Self {
        let start = self.op(b"}(");
        tensors.iter().fold(start, |pickle, tensor| pickle.text(tensor.key).tensor(tensor)).op(b"u")
    }

    /// All of a pickle that holds one dictionary of tensors.
    pub fn state_dict(self, tensors: &[Describe]) -> Vec<u8> {
        self.op(&[0x80, 2]).dict(tensors).end()
    }

    pub fn end(self) -> Vec<u8> {
        self.op(b".").0
    }
}

/// An archive as PyTorch writes it.
pub fn torch_zip(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let stored = CompressionMethod::Stored;
    let mut entries =
        vec![("data.pkl".to_owned(), stored, pickle), ("byteorder".to_owned(), stored, b"little".as_slice())];
    entries.extend(storages.iter().map(|(name, bytes)| (format!("data/{name}"), stored, *bytes)));
    zip_of(&entries)
}

/// An archive of any entries.
pub fn zip_of(entries: &[(String, CompressionMethod, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, method, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(*method);
        archive.start_file(format!("archive/{name}"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Numbers as a storage holds them.
pub fn numbers(count: usize) -> Vec<u8> {
    (0..count).flat_map(|index| (index as f32).to_le_bytes()).collect()
}
