//! Files that `torch.save` writes: a zip archive with one pickle and the numbers of each storage.

use super::WeightsError;
use super::pickle::{Id, Pickle, PickleError, Value};
use super::view::View;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use zip::{CompressionMethod, ZipArchive};

/// Bytes that are read at a time.
const STEP_BYTES: usize = 1 << 20;
/// The pickle of a network with thousands of tensors has less than one MiB.
const LONGEST_PICKLE_BYTES: u64 = 8 << 20;
/// Dictionaries inside of dictionaries, and how many of their items are looked at: a pickle can refer to one dictionary
/// from many places, so that it seems to hold more than any memory.
const DEEPEST: usize = 16;
const MOST_ITEMS: usize = 1 << 20;
const LONGEST_KEY: usize = 1024;

/// An archive whose pickle has been understood.
pub(super) struct TorchFile {
    file: Mutex<File>,
    storages: HashMap<String, Span>,
    views: BTreeMap<String, View>,
}

/// Where an entry lies in the file, in bytes.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u64,
    len: u64,
}

impl TorchFile {
    /// Reads the archive's list and its pickle.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let damaged = |reason: &str| WeightsError::damaged(path, reason);
        let unzip = |error: zip::result::ZipError| WeightsError::damaged(path, error.to_string());
        let file = File::open(path).map_err(WeightsError::io(path))?;
        let file_len = file.metadata().map_err(WeightsError::io(path))?.len();
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unzip)?;
        let mut entries = HashMap::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(unzip)?;
            let name = entry.name().map_err(unzip)?.into_owned();
            if entry.is_dir() {
                continue;
            }
            // PyTorch stores numbers and pickles as they are, and what is as long as it says cannot grow while it is read.
            // What is compressed is never looked at: the code beside the weights of TorchScript, or a bomb.
            if entry.compression() != CompressionMethod::Stored || entry.size() != entry.compressed_size() {
                if name.ends_with("data.pkl") {
                    return Err(damaged("its pickle is compressed, which PyTorch never does"));
                }
                continue;
            }
            let start = entry.data_start().ok_or_else(|| damaged("an entry of the archive has no place"))?;
            let span = Span { start, len: entry.size() };
            if span.start.checked_add(span.len).is_none_or(|end| end > file_len) {
                return Err(damaged("an entry of the archive reaches beyond the end of the file"));
            }
            entries.insert(name, span);
        }
        let folder = folder_of_pickle(&entries).map_err(damaged)?;
        let pickle_name = format!("{folder}data.pkl");
        if entries[&pickle_name].len > LONGEST_PICKLE_BYTES {
            return Err(damaged("its pickle is too long for a description of tensors"));
        }
        let read_whole = |archive: &mut ZipArchive<_>, name: &str| -> Result<Vec<u8>, WeightsError> {
            let mut bytes = Vec::new();
            let mut entry = archive.by_name(name).map_err(unzip)?;
            entry.read_to_end(&mut bytes).map_err(|error| WeightsError::damaged(path, error.to_string()))?;
            Ok(bytes)
        };
        let order = format!("{folder}byteorder");
        if entries.get(&order).is_some_and(|span| span.len < 64) && read_whole(&mut archive, &order)? == b"big" {
            return Err(damaged("it was written on a machine whose numbers have their bytes the other way round"));
        }
        let bytes = read_whole(&mut archive, &pickle_name)?;
        let views = tensors(&bytes).map_err(|error| match error {
            PickleError::Forbidden(callable) => WeightsError::Forbidden { path: path.to_owned(), callable },
            PickleError::Damaged(reason) => WeightsError::Damaged { path: path.to_owned(), reason },
        })?;
        let mut storages = HashMap::new();
        for (key, view) in &views {
            let Some(&span) = entries.get(&format!("{folder}data/{}", view.storage)) else {
                return Err(WeightsError::damaged(path, format!("the numbers of {key:?} are missing")));
            };
            if span.len != (view.storage_len * view.dtype.bytes()) as u64 {
                return Err(WeightsError::damaged(
                    path,
                    format!("the numbers of {key:?} have another length than they should"),
                ));
            }
            storages.insert(view.storage.clone(), span);
        }
        Ok(Self { file: Mutex::new(archive.into_inner().into_inner()), storages, views })
    }

    /// All tensors.
    pub fn views(&self) -> impl Iterator<Item = (&String, &View)> {
        self.views.iter()
    }

    /// Gives `to` the bytes of a tensor, some whole numbers at a time.
    pub fn read(&self, path: &Path, key: &str, to: &mut dyn FnMut(&[u8])) -> Result<(), WeightsError> {
        let gone = || WeightsError::damaged(path, format!("the numbers of {key:?} are missing"));
        let view = self.views.get(key).ok_or_else(gone)?;
        let span = self.storages.get(&view.storage).ok_or_else(gone)?;
        if view.len() == 0 {
            return Ok(());
        }
        let width = view.dtype.bytes();
        let mut left = view.span() * width;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(span.start + (view.offset * width) as u64)).map_err(WeightsError::io(path))?;
        if !view.is_contiguous() {
            let mut bytes = vec![0; left];
            file.read_exact(&mut bytes).map_err(WeightsError::io(path))?;
            view.gather(&bytes, to);
            return Ok(());
        }
        let mut block = vec![0; left.min(STEP_BYTES)];
        while left > 0 {
            let step = left.min(STEP_BYTES);
            file.read_exact(&mut block[..step]).map_err(WeightsError::io(path))?;
            to(&block[..step]);
            left -= step;
        }
        Ok(())
    }
}

/// The folder of the archive in which everything lies, with its `/`: the file's own name, or `archive`.
fn folder_of_pickle(entries: &HashMap<String, Span>) -> Result<String, &'static str> {
    let mut folders = entries.keys().filter_map(|name| {
        let folder = name.strip_suffix("data.pkl")?;
        (folder.is_empty() || folder.find('/') == Some(folder.len() - 1)).then(|| folder.to_owned())
    });
    match (folders.next(), folders.next()) {
        (Some(folder), None) => Ok(folder),
        (None, _) => Err("it is a zip archive without PyTorch's data.pkl"),
        (Some(_), Some(_)) => Err("it holds more than one data.pkl"),
    }
}

/// The tensors that a pickle describes, by name: dictionaries in dictionaries are joined with dots, and where there is a
/// `state_dict`, it is what counts.
fn tensors(bytes: &[u8]) -> Result<BTreeMap<String, View>, PickleError> {
    let pickle = Pickle::read(bytes)?;
    let Value::Dict(items) = pickle.get(pickle.root) else {
        return Err(PickleError::Damaged("its pickle is not a dictionary of tensors".to_owned()));
    };
    let state = items.iter().find_map(|&(key, value)| match (pickle.get(key), pickle.get(value)) {
        (Value::Text(key), Value::Dict(_)) if key == "state_dict" => Some(value),
        _ => None,
    });
    let mut walk = Walk { pickle: &pickle, looked_at: 0, found: BTreeMap::new() };
    walk.flatten_dict(state.unwrap_or(pickle.root), "", 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    looked_at: usize,
    found: BTreeMap<String, View>,
}

impl Walk<'_> {
    fn flatten_dict(&mut self, id: Id, prefix: &str, depth: usize) -> Result<(), PickleError> {
        let damaged = |reason: &str| Err(PickleError::Damaged(reason.to_owned()));
        let Value::Dict(items) = self.pickle.get(id) else { return Ok(()) };
        if depth > DEEPEST {
            return damaged("its dictionaries go too deep");
        }
        for &(key, value) in items {
            self.looked_at += 1;
            if self.looked_at > MOST_ITEMS {
                return damaged("its pickle describes more tensors than any network has");
            }
            let value_is_dict = match self.pickle.get(value) {
                Value::Dict(_) => true,
                Value::Tensor(_) => false,
                _ => continue,
            };
            let key = match self.pickle.get(key) {
                Value::Text(key) => format!("{prefix}{key}"),
                Value::Int(key) => format!("{prefix}{key}"),
                _ => return damaged("a tensor of its pickle has no name"),
            };
            if key.len() > LONGEST_KEY {
                return damaged("a name in its pickle is too long");
            }
            if value_is_dict {
                self.flatten_dict(value, &format!("{key}."), depth + 1)?;
            } else if let Value::Tensor(view) = self.pickle.get(value) {
                // In Python, too, the last of two items with the same name counts.
                self.found.insert(key, (**view).clone());
            }
        }
        Ok(())
    }
}
