//! Files of weights, read by us and as candle reads them.

use crate::fixture::Fixture;
use candle_core::{DType, Device, Tensor};
use reelboard::models::weights::Checkpoint;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The pickle of the adapter has the same tensors as the safetensors beside it.
#[test]
fn parity_pickles_hold_what_safetensors_hold() {
    let fixture = Fixture::open("ct_adapter");
    let pickles = files(&fixture.folder, &["bin", "pth", "pt"]);
    assert!(!pickles.is_empty(), "{} has no pickle", fixture.folder.display());
    for path in pickles {
        let pickle = Checkpoint::open(&path).unwrap();
        let twin = files(&fixture.folder, &["safetensors"])
            .into_iter()
            .map(|path| Checkpoint::open(path).unwrap())
            .find(|twin| keys(twin) == keys(&pickle))
            .unwrap_or_else(|| panic!("nothing beside {} has the same keys", path.display()));
        for info in pickle.tensors() {
            let read = |checkpoint: &Checkpoint| checkpoint.tensor(&info.key, DType::F32, &Device::Cpu).unwrap();
            assert_eq!(values(&read(&pickle)), values(&read(&twin)), "{}", info.key);
            assert_eq!(pickle.shape(&info.key), twin.shape(&info.key), "{}", info.key);
        }
        pickle.finish().unwrap();
        fixture.row(&format!("{} tensors of a pickle", pickle.tensors().count()), 0.0, 0.0);
    }
}

/// Two networks from one file: each takes its part, and nothing is left.
#[test]
fn parity_a_pickle_serves_two_networks() {
    let fixture = Fixture::open("ct_adapter");
    for path in files(&fixture.folder, &["bin", "pth", "pt"]) {
        let whole = Checkpoint::open(&path).unwrap();
        let names: BTreeSet<String> =
            keys(&whole).iter().filter_map(|key| Some(key.split_once('.')?.0.to_owned())).collect();
        for name in &names {
            assert!(whole.finish().is_err(), "{name} has not been read yet");
            let part = whole.part(name);
            assert!(part.finish().unwrap_err().to_string().contains(name.as_str()));
            let take = |vb: candle_nn::VarBuilder<'static>| -> candle_core::Result<()> {
                for info in part.tensors() {
                    assert_eq!(vb.get(info.shape.as_slice(), &info.key)?.dtype(), DType::F16);
                }
                Ok(())
            };
            part.load(DType::F16, &Device::Cpu, take).unwrap();
        }
        whole.finish().unwrap();
    }
}

/// All safetensors of all fixtures, bit for bit as candle reads them.
#[test]
fn parity_safetensors_are_read_as_candle_reads_them() {
    let root = Fixture::open("").folder;
    let mut count = 0;
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for path in files(&folder, &["safetensors"]) {
            let expected = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
            let checkpoint = Checkpoint::open(&path).unwrap();
            assert_eq!(checkpoint.tensors().count(), expected.len(), "{}", path.display());
            for (key, expected) in &expected {
                let ours = checkpoint.tensor(key, expected.dtype(), &Device::Cpu).unwrap();
                assert_eq!(ours.dims(), expected.dims(), "{key}");
                assert_eq!(values(&ours), values(expected), "{key}");
                count += 1;
            }
        }
    }
    println!("| {count} tensors of safetensors | 0 | 0 |");
}

fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let has_end = |path: &PathBuf| path.extension().is_some_and(|end| ends.iter().any(|&wanted| end == wanted));
    paths.filter(has_end).collect()
}

fn keys(checkpoint: &Checkpoint) -> BTreeSet<String> {
    checkpoint.tensors().map(|info| info.key).collect()
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}
