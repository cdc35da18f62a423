//! Checkpoints as files: safetensors, and what `torch.save` writes.

use super::random::Tensors;
use candle_core::{DType, Error, Result, Tensor, bail};
use serde_json::{Map, Value, json};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The length of the header, the header as JSON, the numbers. All that are floating are stored as `dtype`.
pub fn safetensors(tensors: &Tensors, dtype: DType) -> Result<Vec<u8>> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    let mut data = Vec::new();
    for (key, tensor) in tensors {
        let start = data.len();
        data.extend(bytes(tensor, dtype)?);
        let stored = if dtype == DType::F16 { "F16" } else { "F32" };
        let entry = json!({"dtype": stored, "shape": tensor.dims(), "data_offsets": [start, data.len()]});
        header.insert(key.clone(), entry);
    }
    let mut header = Value::Object(header).to_string();
    // The numbers begin at a multiple of eight.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.into_bytes());
    file.extend(data);
    Ok(file)
}

fn bytes(tensor: &Tensor, dtype: DType) -> Result<Vec<u8>> {
    let flat = tensor.flatten_all()?;
    Ok(match dtype {
        DType::F32 => flat.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect(),
        DType::F16 => {
            flat.to_dtype(dtype)?.to_vec1::<half::f16>()?.into_iter().flat_map(half::f16::to_le_bytes).collect()
        }
        DType::I64 => flat.to_vec1::<i64>()?.into_iter().flat_map(i64::to_le_bytes).collect(),
        other => bail!("random weights are not stored as {other:?}"),
    })
}

/// A zip archive with a pickle of dictionaries, one for the first part of each name that has several, and a storage for
/// every tensor. All that are floating are stored as `dtype`.
pub fn torch(tensors: &Tensors, dtype: DType) -> Result<Vec<u8>> {
    let as_stored = |tensor: &Tensor| if tensor.dtype().is_float() { dtype } else { tensor.dtype() };
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // The time of writing would make every file another one.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    let mut entry = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("archive/{name}"), options).map_err(Error::wrap)?;
        zip.write_all(bytes).map_err(Error::wrap)
    };
    entry("data.pkl", &pickle(tensors, as_stored)?)?;
    entry("byteorder", b"little")?;
    for (index, tensor) in tensors.values().enumerate() {
        entry(&format!("data/{index}"), &bytes(tensor, as_stored(tensor))?)?;
    }
    entry("version", b"3\n")?;
    Ok(zip.finish().map_err(Error::wrap)?.into_inner())
}

/// The parts of VideoStudio-Img's file, each a dictionary of its own.
const DICTIONARIES: [&str; 2] = ["image_proj", "ip_adapter"];

fn pickle(tensors: &Tensors, as_stored: impl Fn(&Tensor) -> DType) -> Result<Vec<u8>> {
    let mut out = Pickle(vec![0x80, 2, b'}', b'(']);
    let mut open = None;
    for (index, (key, tensor)) in tensors.iter().enumerate() {
        let part = key.split_once('.').filter(|(part, _)| DICTIONARIES.contains(part));
        if part.map(|(part, _)| part) != open {
            if open.is_some() {
                out.0.push(b'u');
            }
            open = part.map(|(part, _)| part);
            if let Some(part) = open {
                out.text(part);
                out.0.extend(b"}(");
            }
        }
        out.text(part.map_or(key, |(_, rest)| rest));
        out.tensor(index, tensor, as_stored(tensor))?;
    }
    out.0.extend(if open.is_some() { &b"uu."[..] } else { b"u." });
    Ok(out.0)
}

/// Pickle's second protocol, as far as a dictionary of tensors needs it.
struct Pickle(Vec<u8>);

impl Pickle {
    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn int(&mut self, value: usize) {
        self.0.push(b'J');
        self.0.extend((value as i32).to_le_bytes());
    }

    fn ints(&mut self, values: &[usize]) {
        self.0.push(b'(');
        values.iter().for_each(|&value| self.int(value));
        self.0.push(b't');
    }

    /// `_rebuild_tensor_v2(("storage", type, name, "cpu", length), 0, shape, strides, False, OrderedDict())`
    fn tensor(&mut self, index: usize, tensor: &Tensor, dtype: DType) -> Result<()> {
        let storage = match dtype {
            DType::F16 => "HalfStorage",
            DType::F32 => "FloatStorage",
            DType::I64 => "LongStorage",
            other => bail!("random weights are not pickled as {other:?}"),
        };
        self.0.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage");
        self.0.extend(format!("ctorch\n{storage}\n").bytes());
        self.text(&index.to_string());
        self.text("cpu");
        self.int(tensor.elem_count());
        self.0.extend(b"tQ");
        self.int(0);
        self.ints(tensor.dims());
        self.ints(tensor.stride());
        self.0.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        Ok(())
    }
}
