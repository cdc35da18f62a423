//! A checkpoint, of one file or of several.

use super::fill::{Fill, Flaw, StoredType};
use super::folder::Index;
use super::json::read_json;
use super::mapped::Mapped;
use super::pack::{Pack, Unfit};
use super::rename::{is_harmless, todays_name, todays_shape};
use super::torch::TorchFile;
use super::view::StorageType;
use super::{Library, Precision, WeightsError, folder};
use crate::models::is_out_of_memory;
use crate::nets::ops::quantized::{Format as BlockFormat, Stored};
use candle_core::{DType, Device, Result as CandleResult, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names that an error lists before it only counts.
const NAMED: usize = 5;

/// The weights of a network, of which only the names, shapes and types have been read.
///
/// A checkpoint remembers which tensors were taken from it; copies and parts of it remember together.
#[derive(Clone)]
pub struct Checkpoint {
    opened: Arc<Opened>,
    /// What all keys begin with; they are known without it.
    prefix: String,
    /// Beginnings of keys that may be left over.
    ignored: Vec<String>,
    state: Arc<Mutex<State>>,
}

/// What is known of a tensor without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub key: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its type in the file.
    pub stored: StoredType,
}

impl TensorInfo {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct Opened {
    /// The file that was named: the only one, or the index of several.
    path: PathBuf,
    files: Vec<WeightsFile>,
    tensors: BTreeMap<String, Place>,
}

struct WeightsFile {
    path: PathBuf,
    format: Format,
}

enum Format {
    Safetensors(Mapped),
    Torch(TorchFile),
}

/// Where a tensor lies.
struct Place {
    /// Index of the file.
    file: usize,
    /// Its name there.
    key: String,
    shape: Vec<usize>,
    stored: StoredType,
}

#[derive(Default)]
struct State {
    taken: BTreeSet<String>,
    /// Why the last tensor could not be given: a network can only pass it on as text.
    failed: Option<WeightsError>,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, prefix) = (&self.opened.path, &self.prefix);
        f.debug_struct("Checkpoint").field("path", path).field("prefix", prefix).finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// Opens a file of safetensors or of PyTorch (`.bin`, `.pth`, `.pt`), which is told apart by what is in it, or the
    /// index of several (`*.index.json`).
    ///
    /// # Errors
    /// When a file is missing, damaged, of another format, or a pickle that wants to do more than to describe tensors.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref();
        let is_index = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let opened = if is_index { Opened::from_index(path) } else { Opened::from_file(path) };
        let (prefix, ignored) = (String::new(), Vec::new());
        Ok(Self { opened: Arc::new(opened?), prefix, ignored, state: Arc::default() })
    }

    /// Opens the weights in a folder that diffusers or transformers wrote: in the precision that is preferred, if they are
    /// there in it, and rather as safetensors than as a pickle.
    ///
    /// # Errors
    /// When there are none, and as for [`Self::open`].
    pub fn open_folder(folder: &Path, library: Library, precision: Precision) -> Result<Self, WeightsError> {
        Self::open(folder::find(folder, library, precision)?)
    }

    /// The file that was opened.
    pub fn path(&self) -> &Path {
        &self.opened.path
    }

    /// Reads the `config.json` beside the weights.
    ///
    /// # Errors
    /// As for [`read_json`].
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, WeightsError> {
        read_json(&self.path().with_file_name("config.json"))
    }

    /// The tensors whose names begin with `name` and a dot, under the rest of their names: two networks in one file.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..self.clone() }
    }

    /// Lets [`Self::finish`] pass over the tensors whose names begin so: the other half of a file of which one is used.
    #[must_use]
    pub fn ignoring(&self, beginnings: &[&str]) -> Self {
        let beginnings = beginnings.iter().map(|beginning| format!("{}{beginning}", self.prefix));
        Self { ignored: self.ignored.iter().cloned().chain(beginnings).collect(), ..self.clone() }
    }

    /// All tensors, by name.
    pub fn tensors(&self) -> impl Iterator<Item = TensorInfo> {
        self.keys().map(|(key, place)| TensorInfo {
            key: key.to_owned(),
            shape: place.shape.clone(),
            stored: place.stored.clone(),
        })
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, key: &str) -> bool {
        self.opened.tensors.contains_key(&self.full(key))
    }

    /// The shape of a tensor, for a network that finds its size from its weights.
    pub fn shape(&self, key: &str) -> Option<&[usize]> {
        self.opened.tensors.get(&self.full(key)).map(|place| place.shape.as_slice())
    }

    /// Makes a network from the weights, and sees to it that it took all of them.
    ///
    /// # Errors
    /// When a tensor is missing, has another shape or type, holds NaN or infinite numbers, or is not known to the network.
    pub fn load<T>(
        &self,
        dtype: DType,
        device: &Device,
        network: impl FnOnce(VarBuilder<'static>) -> CandleResult<T>,
    ) -> Result<T, WeightsError> {
        let network = network(self.weights(dtype, device)).map_err(|error| self.explain(error))?;
        self.finish()?;
        Ok(network)
    }

    /// The weights for a network's constructor, each read when it is asked for. [`Self::load`] is the simpler way;
    /// otherwise [`Self::explain`] the constructor's error and [`Self::finish`] after it.
    pub fn weights(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), dtype, device.clone())
    }

    /// What is behind the error of a network that was made from these weights.
    pub fn explain(&self, error: candle_core::Error) -> WeightsError {
        let message = error.to_string();
        match self.state().failed.take() {
            Some(failed) if message.contains(&failed.to_string()) => failed,
            _ => {
                let message = message.lines().next().unwrap_or_default().to_owned();
                let path = self.opened.path.clone();
                match is_out_of_memory(&error) {
                    true => WeightsError::Memory { path, message },
                    false => WeightsError::Network { path, message },
                }
            }
        }
    }

    /// Sees to it that every tensor was taken, but for those that are harmless or ignored.
    ///
    /// # Errors
    /// When some were not; the error names the first.
    pub fn finish(&self) -> Result<(), WeightsError> {
        let state = self.state();
        let is_left = |key: &str| {
            let full = self.full(key);
            !state.taken.contains(&full)
                && !is_harmless(&full)
                && !self.ignored.iter().any(|ignored| full.starts_with(ignored))
        };
        let left: Vec<&str> = self.keys().map(|(key, _)| key).filter(|key| is_left(key)).collect();
        if left.is_empty() {
            return Ok(());
        }
        let first = left.iter().take(NAMED).map(|key| self.full(key)).collect();
        Err(WeightsError::Unused { path: self.opened.path.clone(), count: left.len(), first })
    }

    /// Reads one tensor.
    ///
    /// # Errors
    /// When it is missing, has another type, or holds NaN or infinite numbers.
    pub fn tensor(&self, key: &str, dtype: DType, device: &Device) -> Result<Tensor, WeightsError> {
        self.read(key, None, dtype, device)
    }

    /// Reads a tensor of the shape `expected` into blocks of `to`, a piece at a time: it is never in memory as it is in
    /// the file.
    ///
    /// # Errors
    /// When it is missing, has another shape or type, or holds NaN or infinite numbers.
    pub fn quantized(&self, key: &str, expected: &[usize], to: BlockFormat) -> Result<Stored, WeightsError> {
        let (key, place, file) = self.find(key, Some(expected))?;
        let path = || file.path.clone();
        let from = match &place.stored {
            StoredType::Known(from @ (DType::F64 | DType::F32 | DType::F16 | DType::BF16)) => *from,
            other => {
                return Err(WeightsError::Type { path: path(), key, stored: other.clone(), wanted: DType::F32 });
            }
        };
        let mut pack = Pack::new(from, to, &place.shape);
        file.read(&place.key, &mut |bytes| pack.push(bytes))?;
        let stored = pack.finish().map_err(|unfit| match unfit {
            Unfit::Flaw(flaw) => flawed(flaw, path(), key.clone(), DType::F32),
            Unfit::Other(error) => WeightsError::Network { path: path(), message: format!("{key:?}: {error}") },
        })?;
        self.state().taken.insert(key);
        Ok(stored)
    }

    /// The whole name of a tensor, where it lies, and the file.
    fn find(&self, key: &str, expected: Option<&[usize]>) -> Result<(String, &Place, &WeightsFile), WeightsError> {
        let key = self.full(key);
        let Some(place) = self.opened.tensors.get(&key) else {
            return Err(WeightsError::MissingKey { path: self.opened.path.clone(), key });
        };
        let file = &self.opened.files[place.file];
        if let Some(expected) = expected
            && expected != place.shape
        {
            let (path, expected, found) = (file.path.clone(), expected.to_vec(), place.shape.clone());
            return Err(WeightsError::Shape { path, key, expected, found });
        }
        Ok((key, place, file))
    }

    fn read(&self, key: &str, expected: Option<&[usize]>, to: DType, device: &Device) -> Result<Tensor, WeightsError> {
        let (key, place, file) = self.find(key, expected)?;
        let path = || file.path.clone();
        let fill = match place.stored {
            StoredType::Known(from) => Fill::new(from, to, place.shape.iter().product()),
            StoredType::Other(_) => None,
        };
        let Some(mut fill) = fill else {
            return Err(WeightsError::Type { path: path(), key, stored: place.stored.clone(), wanted: to });
        };
        file.read(&place.key, &mut |bytes| fill.push(bytes))?;
        let tensor = match fill.finish(&place.shape, device) {
            Ok(Ok(tensor)) => tensor,
            Ok(Err(error)) => return Err(WeightsError::Network { path: path(), message: format!("{key:?}: {error}") }),
            Err(flaw) => return Err(flawed(flaw, path(), key, to)),
        };
        self.state().taken.insert(key);
        Ok(tensor)
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn keys(&self) -> impl Iterator<Item = (&str, &Place)> {
        let prefix = self.prefix.as_str();
        self.opened.tensors.iter().filter_map(move |(key, place)| Some((key.strip_prefix(prefix)?, place)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a set of names and an error, which are never half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_on(&self, error: WeightsError) -> candle_core::Error {
        let text = candle_core::Error::msg(&error);
        self.state().failed = Some(error);
        text
    }
}

fn flawed(flaw: Flaw, path: PathBuf, key: String, dtype: DType) -> WeightsError {
    match flaw {
        Flaw::NotFinite => WeightsError::NotFinite { path, key },
        Flaw::TooLarge => WeightsError::TooLarge { path, key, dtype },
    }
}

impl SimpleBackend for Checkpoint {
    fn get(&self, shape: Shape, key: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> CandleResult<Tensor> {
        self.read(key, Some(shape.dims()), dtype, device).map_err(|error| self.pass_on(error))
    }

    fn get_unchecked(&self, key: &str, dtype: DType, device: &Device) -> CandleResult<Tensor> {
        self.read(key, None, dtype, device).map_err(|error| self.pass_on(error))
    }

    fn contains_tensor(&self, key: &str) -> bool {
        self.contains(key)
    }
}

impl Opened {
    fn from_file(path: &Path) -> Result<Self, WeightsError> {
        let mut opened = Self { path: path.to_owned(), files: Vec::new(), tensors: BTreeMap::new() };
        opened.add(WeightsFile::open(path)?, |_| true)?;
        Ok(opened)
    }

    /// `{"weight_map": {key: file}}`, with the files beside the index.
    fn from_index(path: &Path) -> Result<Self, WeightsError> {
        let index: Index = read_json(path)?;
        let mut opened = Self { path: path.to_owned(), files: Vec::new(), tensors: BTreeMap::new() };
        let shards = index.shards();
        if shards.is_empty() {
            return Err(WeightsError::damaged(path, "its weight_map names no files"));
        }
        for shard in shards {
            // A name with folders could lead anywhere on the disk.
            if Path::new(shard).file_name() != Some(shard.as_ref()) {
                return Err(WeightsError::damaged(path, format!("{shard:?} is not the name of a file beside it")));
            }
            let file = WeightsFile::open(&path.with_file_name(shard)).map_err(|error| match error {
                WeightsError::Missing { .. } => {
                    WeightsError::MissingShard { index: path.to_owned(), shard: shard.clone() }
                }
                other => other,
            })?;
            // Where two files have a tensor, it is the index that says which counts.
            opened.add(file, |key| index.weight_map.get(key).is_none_or(|named| named == shard))?;
        }
        let there: BTreeSet<&str> = opened.tensors.values().map(|place| place.key.as_str()).collect();
        for (key, shard) in &index.weight_map {
            if !there.contains(key.as_str()) {
                let (index, shard, key) = (path.to_owned(), shard.clone(), key.clone());
                return Err(WeightsError::NotInShard { index, shard, key });
            }
        }
        Ok(opened)
    }

    fn add(&mut self, file: WeightsFile, counts: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        let index = self.files.len();
        for TensorInfo { key, shape, stored } in file.tensors() {
            if !counts(&key) {
                continue;
            }
            let (name, shape) = match todays_name(&key) {
                Some(name) => (name, todays_shape(&shape).to_vec()),
                None => (key.clone(), shape),
            };
            let place = Place { file: index, key, shape, stored };
            if let Some(other) = self.tensors.insert(name, place) {
                return Err(WeightsError::damaged(&file.path, format!("{:?} is there twice", other.key)));
            }
        }
        self.files.push(file);
        Ok(())
    }
}

impl WeightsFile {
    fn open(path: &Path) -> Result<Self, WeightsError> {
        let data = std::fs::metadata(path).map_err(WeightsError::io(path))?;
        if !data.is_file() {
            return Err(WeightsError::NotAFile { path: path.to_owned() });
        }
        let mut start = Vec::new();
        let file = File::open(path).map_err(WeightsError::io(path))?;
        file.take(64).read_to_end(&mut start).map_err(WeightsError::io(path))?;
        let format = |reason| Err(WeightsError::Format { path: path.to_owned(), reason });
        let format = match start.as_slice() {
            [] => return format("it is empty"),
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Format::Torch(TorchFile::open(path)?),
            // The header of safetensors begins after its length, which fills eight bytes.
            [_, _, _, _, _, _, _, _, b'{', ..] => Format::Safetensors(Mapped::open(path)?),
            // Protocol 2 and a long number: PyTorch's mark.
            [0x80, 2, 0x8a, 10, ..] => return Err(WeightsError::OldTorch { path: path.to_owned() }),
            [b'v', b'e', b'r', b's', b'i', b'o', b'n', b' ', ..] => {
                return format("it is a pointer of Git LFS, fetch the file itself");
            }
            [b'<', ..] => return format("it is a web page, fetch the file itself"),
            _ if start.len() < 9 => return Err(WeightsError::damaged(path, "it is cut off")),
            _ => return format("it begins with something else"),
        };
        Ok(Self { path: path.to_owned(), format })
    }

    /// Gives `to` the bytes of a tensor, some whole numbers at a time.
    fn read(&self, key: &str, to: &mut dyn FnMut(&[u8])) -> Result<(), WeightsError> {
        match &self.format {
            Format::Safetensors(mapped) => mapped.read(&self.path, key, to),
            Format::Torch(archive) => archive.read(&self.path, key, to),
        }
    }

    fn tensors(&self) -> Vec<TensorInfo> {
        match &self.format {
            Format::Safetensors(mapped) => mapped.tensors(),
            Format::Torch(archive) => {
                let info = |(key, view): (&String, &super::view::View)| TensorInfo {
                    key: key.clone(),
                    shape: view.shape.clone(),
                    stored: match view.dtype {
                        StorageType::Known(dtype) => StoredType::Known(dtype),
                        StorageType::Other { name, .. } => StoredType::Other(name.to_owned()),
                    },
                };
                archive.views().map(info).collect()
            }
        }
    }
}
