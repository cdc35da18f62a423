//! A folder of weights, inputs and expected outputs.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One fixture folder.
pub struct Fixture {
    pub name: String,
    pub folder: PathBuf,
    pub config: Value,
}

/// The tensors of one file, by name.
pub struct Tensors(pub HashMap<String, Tensor>);

impl Fixture {
    /// Opens `name` in the folder that `REELBOARD_FIXTURES` names, else in the repository.
    pub fn open(name: &str) -> Self {
        let root = std::env::var_os("REELBOARD_FIXTURES")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/parity"), PathBuf::from);
        let folder = root.join(name);
        let config = match read_optional(&folder.join("config.json")) {
            Some(bytes) => serde_json::from_slice(&bytes).unwrap(),
            None => Value::Null,
        };
        Self { name: name.to_owned(), folder, config }
    }

    /// A part of `config.json` as a type, such as `"unet"` or `""` for all of it.
    pub fn config<T: DeserializeOwned>(&self, key: &str) -> T {
        let value = if key.is_empty() { &self.config } else { &self.config[key] };
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{}: {key}: {error}", self.name))
    }

    /// The tensors of a file, in the types in which they are stored.
    pub fn tensors(&self, file: &str) -> Tensors {
        self.tensors_if_there(file).unwrap_or_else(|| panic!("{} is missing", self.folder.join(file).display()))
    }

    /// The tensors of a file that only some sets of fixtures have.
    pub fn tensors_if_there(&self, file: &str) -> Option<Tensors> {
        let bytes = read_optional(&self.folder.join(file))?;
        Some(Tensors(candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap()))
    }

    /// The largest difference that is allowed for this kind of output.
    pub fn tolerance(&self, kind: &str) -> f64 {
        let of_kind = self.config["tolerances"][kind].as_f64();
        of_kind.or(self.config["tolerance"].as_f64()).expect("config.json has a tolerance")
    }

    /// Prints a row of the table and fails when the difference is above the tolerance.
    pub fn row(&self, what: &str, difference: f64, tolerance: f64) {
        println!("| {} {what} | {difference:.3e} | {tolerance:.0e} |", self.name);
        assert!(difference <= tolerance, "{} {what}: {difference:e} is above {tolerance:e}", self.name);
    }

    /// Compares what we computed with what was expected, within the tolerance of its kind.
    pub fn compare(&self, what: &str, kind: &str, ours: &Tensor, theirs: &Tensor) {
        self.row(what, max_difference(ours, theirs), self.tolerance(kind));
    }
}

impl Tensors {
    /// One tensor, as it is stored.
    pub fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("no tensor {name:?}"))
    }

    /// One tensor in f32.
    pub fn f32(&self, name: &str) -> Tensor {
        self.get(name).to_dtype(DType::F32).unwrap()
    }

    /// Weights for a network, in f32 on the CPU.
    pub fn weights(&self) -> VarBuilder<'static> {
        VarBuilder::from_tensors(self.0.clone(), DType::F32, &Device::Cpu)
    }
}

/// The largest absolute difference of two tensors of the same shape.
pub fn max_difference(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.dims(), theirs.dims());
    let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    // A difference of NaN must not pass for a small one.
    values(ours)
        .iter()
        .zip(values(theirs))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |worst: f64, difference| if difference.is_nan() { f64::INFINITY } else { worst.max(difference) })
}

fn read_optional(path: &Path) -> Option<Vec<u8>> {
    match std::fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
