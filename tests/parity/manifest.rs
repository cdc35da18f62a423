//! Full-size networks without their weights: every key and shape of a published checkpoint, and nothing behind them.

use crate::fixture::Fixture;
use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The keys of one checkpoint.
pub struct Manifest {
    pub name: String,
    /// Key to shape.
    pub keys: BTreeMap<String, Vec<usize>>,
    /// The configuration that the keys belong to, where the manifest has one.
    pub config: Value,
}

impl Manifest {
    /// Reads `manifests/<name>.json`.
    pub fn open(name: &str) -> Self {
        let path = Fixture::open("manifests").folder.join(format!("{name}.json"));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut json: Value = serde_json::from_slice(&bytes).unwrap();
        let keys: BTreeMap<String, Vec<usize>> = serde_json::from_value(json["keys"].take()).unwrap();
        if let Some(count) = json["num_keys"].as_u64() {
            assert_eq!(keys.len() as u64, count, "{name}: keys");
        }
        Self { name: name.to_owned(), keys, config: json["config_assumed"].take() }
    }

    /// Weights for a network of this size.
    pub fn weights(&self) -> (VarBuilder<'static>, Used) {
        weights_of(&self.keys)
    }
}

/// Weights of these shapes: each is one zero, broadcast, so that billions of parameters take no memory. Asking for a key
/// that is not there, or for another shape, is an error that names it.
pub fn weights_of(manifest: &BTreeMap<String, Vec<usize>>) -> (VarBuilder<'static>, Used) {
    let used = Used { keys: Arc::default(), all: manifest.keys().cloned().collect() };
    let zeros = Zeros { shapes: manifest.clone(), used: used.keys.clone() };
    (VarBuilder::from_backend(Box::new(zeros), DType::F32, Device::Cpu), used)
}

/// Which keys a network took.
pub struct Used {
    keys: Arc<Mutex<BTreeSet<String>>>,
    all: BTreeSet<String>,
}

impl Used {
    /// The keys that nobody took.
    pub fn left(&self) -> Vec<String> {
        let used = self.keys.lock().unwrap();
        self.all.difference(&used).cloned().collect()
    }

    /// Fails with the names of the keys that nobody took.
    pub fn assert_all_used(&self) {
        let left = self.left();
        let first = left.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
        assert!(left.is_empty(), "{} of {} keys were not read: {first}", left.len(), self.all.len());
    }
}

struct Zeros {
    shapes: BTreeMap<String, Vec<usize>>,
    used: Arc<Mutex<BTreeSet<String>>>,
}

impl SimpleBackend for Zeros {
    fn get(&self, shape: Shape, key: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> Result<Tensor> {
        match self.shapes.get(key) {
            Some(there) if there != shape.dims() => {
                candle_core::bail!("{key} has the shape {there:?}, but {shape:?} was asked for")
            }
            _ => self.get_unchecked(key, dtype, device),
        }
    }

    fn get_unchecked(&self, key: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let Some(shape) = self.shapes.get(key) else { candle_core::bail!("there is no {key}") };
        self.used.lock().unwrap().insert(key.to_owned());
        Tensor::zeros((), dtype, device)?.broadcast_as(shape.as_slice())
    }

    fn contains_tensor(&self, key: &str) -> bool {
        self.shapes.contains_key(key)
    }
}

/// The stand-in itself: it has every key, takes no memory, and notices what was not read.
#[test]
fn a_manifest_notices_what_was_not_read() {
    let shapes = [("a.weight", vec![50_000, 50_000, 3, 3]), ("a.bias", vec![50_000]), ("b", vec![])];
    let manifest = shapes.iter().map(|(key, shape)| ((*key).to_owned(), shape.clone())).collect();
    let (vb, used) = weights_of(&manifest);
    let a = vb.pp("a");
    assert_eq!(a.get((50_000, 50_000, 3, 3), "weight").unwrap().dims(), [50_000, 50_000, 3, 3]);
    assert_eq!(used.left(), ["a.bias", "b"]);
    assert!(a.get(3, "bias").unwrap_err().to_string().contains("a.bias"));
    assert!(vb.get(3, "c").unwrap_err().to_string().contains('c'));
    assert!(vb.contains_tensor("b") && !vb.contains_tensor("c"));
    a.get(50_000, "bias").unwrap();
    vb.get((), "b").unwrap();
    used.assert_all_used();
}

#[test]
fn every_manifest_can_be_read_without_memory() {
    for file in std::fs::read_dir(Fixture::open("manifests").folder).unwrap() {
        let manifest = Manifest::open(file.unwrap().path().file_stem().unwrap().to_str().unwrap());
        assert!(manifest.config.is_null() || manifest.config.is_object(), "{}", manifest.name);
        let (vb, used) = manifest.weights();
        for (key, shape) in &manifest.keys {
            assert_eq!(vb.get(shape.as_slice(), key).unwrap().dims(), shape.as_slice());
        }
        used.assert_all_used();
    }
}
