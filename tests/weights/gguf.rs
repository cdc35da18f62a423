//! GGUF files that lie: an error, no panic, and no memory taken for what is not there.

use candle_core::quantized::gguf_file::Value;
use reelboard::models::weights::{Gguf, GgufError};
use reelboard::nets::ops::quantized::Format;
use std::path::PathBuf;
use tempfile::TempDir;

const U32: u32 = 4;
const TEXT: u32 = 8;
const LIST: u32 = 9;

/// The bytes of a file.
#[derive(Clone)]
struct File {
    version: u32,
    tensors: u64,
    values: u64,
    header: Vec<u8>,
}

impl File {
    fn new() -> Self {
        Self { version: 3, tensors: 0, values: 0, header: Vec::new() }
    }

    fn text(&mut self, text: &str) {
        self.header.extend((text.len() as u64).to_le_bytes());
        self.header.extend(text.as_bytes());
    }

    fn value(mut self, key: &str, kind: u32, bytes: &[u8]) -> Self {
        self.values += 1;
        self.text(key);
        self.header.extend(kind.to_le_bytes());
        self.header.extend(bytes);
        self
    }

    fn tensor(mut self, name: &str, shape: &[u64], format: u32, start: u64) -> Self {
        self.tensors += 1;
        self.text(name);
        self.header.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|dim| self.header.extend(dim.to_le_bytes()));
        self.header.extend(format.to_le_bytes());
        self.header.extend(start.to_le_bytes());
        self
    }

    fn bytes(&self, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.tensors.to_le_bytes());
        bytes.extend(self.values.to_le_bytes());
        bytes.extend(&self.header);
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend(data);
        bytes
    }
}

fn open(bytes: &[u8]) -> (TempDir, Result<Gguf, GgufError>) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    let opened = Gguf::open(&path);
    (folder, opened)
}

#[track_caller]
fn assert_damaged(bytes: &[u8], says: &str) {
    match open(bytes).1 {
        Err(GgufError::Damaged(reason)) => assert!(reason.contains(says), "{reason:?} does not say {says:?}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn tensors_and_values_are_found_where_they_lie() {
    let numbers: Vec<u8> = [1.5_f32, -2.0, 0.25, 8.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut list = U32.to_le_bytes().to_vec();
    list.extend(2_u64.to_le_bytes());
    list.extend([7, 0, 0, 0, 9, 0, 0, 0]);
    let mut data = vec![0; 64];
    data.extend(&numbers);
    let file = File::new().value("a.list", LIST, &list).tensor("b", &[2, 2], 0, 64);
    let (_folder, opened) = open(&file.bytes(&data));
    let mut opened = opened.unwrap();
    let metadata = opened.take_metadata();
    assert!(matches!(&metadata["a.list"], Value::Array(list) if matches!(list[..], [Value::U32(7), Value::U32(9)])));
    assert_eq!(opened.tensors(), 1);
    let tensor = opened.tensor("b").unwrap().unwrap();
    assert_eq!((tensor.format(), tensor.shape()), (Format::F32, [2, 2].as_slice()));
    assert_eq!(tensor.to_f32(), [1.5, -2.0, 0.25, 8.0]);
    assert!(opened.tensor("c").unwrap().is_none());
}

#[test]
fn an_alignment_that_is_none_is_refused() {
    for alignment in [0_u32, 24] {
        let file = File::new().value("general.alignment", U32, &alignment.to_le_bytes()).tensor("a", &[1], 0, 0);
        assert_damaged(&file.bytes(&[0; 64]), "general.alignment");
    }
    let file = File::new().value("general.alignment", 7, &[1]);
    let opened = open(&file.bytes(&[])).1;
    assert!(opened.is_ok(), "1 is an alignment: every byte will do");
}

#[test]
fn an_unsupported_format_is_named_with_its_tensor() {
    for (number, name) in [(23, "IQ4_XS"), (20, "IQ4_NL"), (16, "IQ2_XXS"), (4711, "number 4711")] {
        let file = File::new().tensor("blk.0.attn_q.weight", &[256, 2], number, 0);
        let (_folder, opened) = open(&file.bytes(&[]));
        let error = opened.unwrap().tensor("blk.0.attn_q.weight").unwrap_err();
        assert!(matches!(&error, GgufError::Format { format, .. } if format == name), "{error}");
        assert!(error.to_string().contains("blk.0.attn_q.weight"), "{error}");
    }
}

#[test]
fn a_file_that_promises_more_than_it_has_is_refused() {
    let whole = File::new().value("a", TEXT, &[]).tensor("t", &[64], 0, 0);
    // A text of nothing: its length is missing.
    assert_damaged(&whole.bytes(&[0; 256]), "");
    let file = File::new().tensor("t", &[64], 0, 0);
    let bytes = file.bytes(&[0; 256]);
    assert!(open(&bytes).1.is_ok());
    let (_folder, cut) = open(&bytes[..bytes.len() - 1]);
    assert!(matches!(cut, Err(GgufError::Truncated { expected, actual }) if expected == actual + 1));
    for end in [0, 3, 7, 20, 40, 50] {
        assert_damaged(&bytes[..end], "");
    }

    let long = u64::MAX.to_le_bytes();
    assert_damaged(&File::new().value("a", TEXT, &long).bytes(&[]), "middle of its header");
    let mut list = U32.to_le_bytes().to_vec();
    list.extend((1_u64 << 40).to_le_bytes());
    assert_damaged(&File::new().value("a", LIST, &list).bytes(&[]), "does not fit");
    let nested: Vec<u8> = (0..100).flat_map(|_| [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).collect();
    assert_damaged(&File::new().value("a", LIST, &nested).bytes(&[]), "nested");
    assert_damaged(&File::new().value("a", 77, &[]).bytes(&[]), "type 77");
    for counts in [(1 << 60, 0), (0, 1 << 60), (u64::MAX, u64::MAX)] {
        let file = File { tensors: counts.0, values: counts.1, ..File::new() };
        assert_damaged(&file.bytes(&[]), "");
    }
    assert_damaged(&File { version: 1, ..File::new() }.bytes(&[]), "version 1");
}

#[test]
fn impossible_tensors_are_refused() {
    let huge = File::new().tensor("t", &[1 << 40, 1 << 40], 0, 0);
    assert_damaged(&huge.bytes(&[]), "impossibly large");
    assert_damaged(&File::new().tensor("t", &[4], 0, u64::MAX - 8).bytes(&[0; 64]), "impossibly large");
    assert_damaged(&File::new().tensor("t", &[1; 5], 0, 0).bytes(&[0; 64]), "5 dimensions");
    assert_damaged(&File::new().tensor("t", &[1], 0, 0).tensor("t", &[1], 0, 0).bytes(&[0; 64]), "twice");
    // Rows of 100 numbers in blocks of 32.
    let (_folder, opened) = open(&File::new().tensor("t", &[100, 32], 8, 0).bytes(&[0; 4096]));
    let error = opened.unwrap().tensor("t").unwrap_err();
    assert!(error.to_string().contains("blocks of 32"), "{error}");
}
