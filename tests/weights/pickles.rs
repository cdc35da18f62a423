//! Files of PyTorch: what they describe comes out right, and nothing in them is ever run.

use crate::torch_file::{Describe, Pickle, numbers, torch_zip, zip_of};
use crate::{Dice, read_all};
use candle_core::{DType, Device};
use reelboard::models::weights::{Checkpoint, WeightsError};
use std::path::PathBuf;
use tempfile::TempDir;
use zip::CompressionMethod;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("weights.bin");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Opens an archive with this pickle and with storages `0` and `1` of 24 numbers.
    fn open(&self, pickle: &[u8]) -> Result<Checkpoint, WeightsError> {
        let numbers = numbers(24);
        Checkpoint::open(self.write(&torch_zip(pickle, &[("0", &numbers), ("1", &numbers)])))
    }
}

fn told<T>(result: Result<T, WeightsError>) -> String {
    let text = result.err().expect("an error").to_string();
    assert!(text.contains("weights.bin") && !text.contains('\n'), "{text}");
    text
}

fn read(checkpoint: &Checkpoint, key: &str) -> (Vec<usize>, Vec<f32>) {
    let tensor = checkpoint.tensor(key, DType::F32, &Device::Cpu).unwrap();
    (tensor.dims().to_vec(), tensor.flatten_all().unwrap().to_vec1().unwrap())
}

fn view(key: &'static str, offset: u64, shape: &[u64], strides: &[u64]) -> Describe {
    Describe { key, storage: "0", storage_len: 24, offset, shape: shape.to_vec(), strides: strides.to_vec() }
}

#[test]
fn views_of_a_shared_storage_come_out_right() {
    let files = Files::new();
    let views = [
        view("whole", 0, &[4, 6], &[6, 1]),
        view("transposed", 0, &[6, 4], &[1, 6]),
        view("row", 12, &[6], &[1]),
        view("column", 5, &[4], &[6]),
        view("slice", 7, &[2, 2], &[12, 3]),
        view("permuted", 0, &[4, 2, 3], &[1, 12, 4]),
        view("repeated", 3, &[2, 3], &[0, 1]),
        view("one", 23, &[], &[]),
        view("none", 0, &[0, 3], &[3, 1]),
        // Of a dimension with one element the stride says nothing.
        view("odd stride", 2, &[1, 2], &[u64::from(u32::MAX), 1]),
    ];
    let checkpoint = files.open(&Pickle::default().state_dict(&views)).unwrap();
    let expected: [(&str, &[usize], Vec<f32>); 10] = [
        ("whole", &[4, 6], (0..24).map(|x| x as f32).collect()),
        ("transposed", &[6, 4], (0..6).flat_map(|x| [x, x + 6, x + 12, x + 18]).map(|x| x as f32).collect()),
        ("row", &[6], (12..18).map(|x| x as f32).collect()),
        ("column", &[4], vec![5.0, 11.0, 17.0, 23.0]),
        ("slice", &[2, 2], vec![7.0, 10.0, 19.0, 22.0]),
        (
            "permuted",
            &[4, 2, 3],
            (0..4).flat_map(|i| (0..2).flat_map(move |j| (0..3).map(move |k| (i + 12 * j + 4 * k) as f32))).collect(),
        ),
        ("repeated", &[2, 3], vec![3.0, 4.0, 5.0, 3.0, 4.0, 5.0]),
        ("one", &[], vec![23.0]),
        ("none", &[0, 3], vec![]),
        ("odd stride", &[1, 2], vec![2.0, 3.0]),
    ];
    for (key, shape, values) in expected {
        assert_eq!(read(&checkpoint, key), (shape.to_vec(), values), "{key}");
    }
    checkpoint.finish().unwrap();
}

#[test]
fn dictionaries_in_dictionaries_are_joined_with_dots() {
    let files = Files::new();
    let (a, b) = (Describe::row("weight", "0", 24), Describe::row("1.to_k_ip.weight", "1", 24));
    let pickle = Pickle::default().op(&[0x80, 2]).op(b"}(").text("image_proj").dict(&[a]);
    let pickle = pickle.text("ip_adapter").dict(&[b]).text("epoch").int(3).op(b"u").end();
    let checkpoint = files.open(&pickle).unwrap();
    let keys: Vec<String> = checkpoint.tensors().map(|info| info.key).collect();
    assert_eq!(keys, ["image_proj.weight", "ip_adapter.1.to_k_ip.weight"]);
    assert!(checkpoint.part("ip_adapter").contains("1.to_k_ip.weight"));
}

#[test]
fn a_state_dict_inside_is_what_counts() {
    let files = Files::new();
    let (a, b) = (Describe::row("weight", "0", 24), Describe::row("momentum", "1", 24));
    let pickle = Pickle::default().op(&[0x80, 2]).op(b"}(").text("optimizer").dict(&[b]);
    let checkpoint = files.open(&pickle.text("state_dict").dict(&[a]).op(b"u").end()).unwrap();
    assert_eq!(checkpoint.tensors().map(|info| info.key).collect::<Vec<_>>(), ["weight"]);
}

#[test]
fn parameters_and_tensors_with_attributes_are_tensors() {
    let files = Files::new();
    let tensor = Describe::row("", "0", 24);
    let parameter = |pickle: Pickle| {
        let pickle = pickle.name("torch._utils", "_rebuild_parameter").op(b"(").tensor(&tensor).op(&[0x88]);
        pickle.name("collections", "OrderedDict").op(b")RtR")
    };
    let with_attributes = |pickle: Pickle| {
        let pickle = pickle.name("torch._tensor", "_rebuild_from_type_v2").op(b"(");
        let pickle = pickle.name("torch._utils", "_rebuild_tensor_v2").name("torch", "Tensor");
        pickle.tensor_arguments(&tensor).op(b"}").text("extra").text("hello").op(b"stR")
    };
    let pickle = parameter(Pickle::default().op(&[0x80, 2]).name("collections", "OrderedDict").op(b")R(").text("a"));
    // With a state for the dictionary, as `state_dict()` gives it.
    let pickle = with_attributes(pickle.text("b")).op(b"u}").text("_metadata").op(b"}sb").end();
    let checkpoint = files.open(&pickle).unwrap();
    for key in ["a", "b"] {
        assert_eq!(read(&checkpoint, key).1.len(), 24);
    }
}

/// Every way in which a pickle can name a function: each is told by name, and the function never runs.
#[test]
fn a_pickle_that_wants_to_call_something_is_refused() {
    let files = Files::new();
    let ran = files.0.path().join("ran");
    let command = format!("touch {}", ran.display());
    let start = || Pickle::default().op(&[0x80, 2]);
    let good = Describe::row("weight", "0", 24);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("os.system", start().name("os", "system").op(b"(").text(&command).op(b"tR").end()),
        ("posix.system", start().name("posix", "system").op(b"(").text(&command).op(b"tR").end()),
        // The name made of texts, as newer protocols do it.
        ("os.system", start().text("os").text("system").op(&[0x93]).text(&command).op(&[0x85]).op(b"R").end()),
        // The oldest protocol: arguments first.
        ("os.system", start().op(b"(").text(&command).op(b"ios\nsystem\n").end()),
        // As a class.
        ("subprocess.Popen", start().name("subprocess", "Popen").op(b"(").text(&command).op(&[b't', 0x81]).end()),
        // Beside good tensors, inside of one, and thrown away before the end.
        (
            "builtins.eval",
            start()
                .op(b"}(")
                .text("weight")
                .tensor(&good)
                .text("x")
                .name("builtins", "eval")
                .op(b"(")
                .text("1")
                .op(b"tRu")
                .end(),
        ),
        ("builtins.exec", start().name("torch._utils", "_rebuild_tensor_v2").name("builtins", "exec").op(b")RR").end()),
        ("os.system", start().name("os", "system").op(b"(").text(&command).op(b"tR0").dict(&[good]).end()),
        ("torch.load", start().name("torch", "load").op(b"(").text("x").op(b"tR").end()),
        (
            "torch._utils._rebuild_tensor_v2.__globals__",
            start().name("torch._utils", "_rebuild_tensor_v2.__globals__").end(),
        ),
        ("collections.OrderedDict.fromkeys", start().name("collections", "OrderedDict.fromkeys").end()),
        ("getattr", start().name("builtins", "getattr").end()),
        // A name that tries to look like another line of output.
        (r"os\u{1b}[2J.sys\rtem", start().text("os\u{1b}[2J").text("sys\rtem").op(&[0x93]).end()),
    ];
    for (name, pickle) in cases {
        let result = files.open(&pickle);
        assert!(matches!(result, Err(WeightsError::Forbidden { .. })), "{name}: {result:?}");
        let text = told(result);
        assert!(text.contains(name), "{text:?} does not name {name}");
        assert!(!ran.exists(), "{name} ran");
    }
    let long = start().name(&"m".repeat(100_000), "f").end();
    assert!(told(files.open(&long)).len() < 500);
}

#[test]
fn known_names_are_only_used_as_pytorch_does() {
    let files = Files::new();
    let start = || Pickle::default().op(&[0x80, 2]);
    let rebuild = || start().name("torch._utils", "_rebuild_tensor_v2");
    let cases: Vec<Vec<u8>> = vec![
        // Too few arguments, none, not a tuple; a call of a call, of a text, of a type.
        rebuild().op(b")R").end(),
        rebuild().op(b"NR").end(),
        rebuild().op(b"(NNNNNNtR").end(),
        start().name("torch._tensor", "_rebuild_from_type_v2").op(b")R").end(),
        start().name("torch._tensor", "_rebuild_from_type_v2").op(b"(NNNNtR").end(),
        start().name("torch._utils", "_rebuild_parameter").op(b"(NNNtR").end(),
        start().text("os.system").op(b")R").end(),
        start().name("torch", "FloatStorage").op(b")R").end(),
        start().name("torch", "Tensor").op(b")R").end(),
        start().name("collections", "OrderedDict").op(b"(KtR").end(),
        start().op(b"NQ").end(),
        start().op(b"(NNNNNtQ").end(),
        // Instructions for what tensors do not need, and a stack that is not as it should be.
        start().op(b"o").end(),
        start().op(&[0x82, 1]).end(),
        start().op(&[0x92]).end(),
        start().op(b"P0\n").end(),
        start().op(b"t").end(),
        start().op(&[0x87]).end(),
        start().op(b"h\x05").end(),
        start().op(b"NNb").end(),
        start().op(b"}(Nu").end(),
        start().op(b"(").end(),
        start().op(b"Ns").end(),
        start().op(b"]N").end(),
        b".".to_vec(),
        b"".to_vec(),
        b"X\xff\xff\xff\xff".to_vec(),
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
    ];
    for pickle in cases {
        let result = files.open(&pickle);
        assert!(matches!(result, Err(WeightsError::Damaged { .. })), "{pickle:?}: {result:?}");
        told(result);
    }
}

#[test]
fn a_tensor_that_does_not_fit_its_storage_is_told() {
    let files = Files::new();
    let most = i64::MAX as u64;
    let cases = [
        view("a", 1, &[24], &[1]),
        view("a", 24, &[1], &[1]),
        view("a", 0, &[4, 6], &[7, 1]),
        view("a", most, &[1], &[1]),
        view("a", 1, &[most, 2], &[most, most]),
        view("a", 0, &[most, most, 0], &[1, 1, 1]),
        view("a", 0, &[u64::MAX], &[1]),
        view("a", 0, &[2, 3], &[1]),
        view("a", 0, &[1; 65], &[1; 65]),
        // One number, seen so often that it would fill the memory.
        view("a", 0, &[1_000_000, 1_000_000], &[0, 0]),
        Describe { storage_len: most, ..view("a", 0, &[24], &[1]) },
        Describe { storage_len: 25, ..view("a", 0, &[24], &[1]) },
        Describe { storage_len: 23, ..view("a", 0, &[23], &[1]) },
        Describe { storage: "7", ..view("a", 0, &[24], &[1]) },
        Describe { storage: "../data/0", ..view("a", 0, &[24], &[1]) },
    ];
    for (index, tensor) in cases.into_iter().enumerate() {
        let result = files.open(&Pickle::default().state_dict(&[tensor]));
        assert!(matches!(result, Err(WeightsError::Damaged { .. })), "case {index}: {result:?}");
        told(result);
    }
    // No elements are no elements, wherever they begin.
    let nothing = view("a", most, &[0], &[1]);
    assert!(read(&files.open(&Pickle::default().state_dict(&[nothing])).unwrap(), "a").1.is_empty());
}

#[test]
fn a_pickle_that_repeats_itself_does_not_fill_the_memory() {
    let files = Files::new();
    // Each dictionary holds the one before it forty times.
    let mut pickle = Pickle::default().op(&[0x80, 2]).dict(&[Describe::row("a", "0", 24)]).op(b"q\0");
    for _ in 0..12 {
        pickle = pickle.op(b"}(");
        for item in 0..40 {
            pickle = pickle.text(&item.to_string()).op(b"h\0");
        }
        pickle = pickle.op(b"uq\0");
    }
    assert!(told(files.open(&pickle.end())).contains("more tensors"));
    // One that holds itself.
    let pickle = Pickle::default().op(b"}q\0").text("a").op(b"h\0s");
    assert!(told(files.open(&pickle.end())).contains("too deep"));
    // One whose pickle is longer than any description.
    let pickle = Pickle::default().op(&vec![b'N'; 9 << 20]);
    assert!(told(files.open(&pickle.end())).contains("too long"));
}

#[test]
fn archives_that_are_not_pytorchs_are_told() {
    let files = Files::new();
    let good = Pickle::default().state_dict(&[Describe::row("a", "0", 24)]);
    let (stored, deflated) = (CompressionMethod::Stored, CompressionMethod::Deflated);
    let zeros = vec![0; 64 << 20];
    let numbers = numbers(24);
    fn entry<'a>(name: &str, method: CompressionMethod, bytes: &'a [u8]) -> (String, CompressionMethod, &'a [u8]) {
        (name.to_owned(), method, bytes)
    }
    let cases: [(&str, Vec<u8>); 5] = [
        ("data.pkl", zip_of(&[entry("other", stored, b"x")])),
        ("data.pkl", zip_of(&[])),
        // A bomb: small in the file, large in memory.
        ("compressed", zip_of(&[entry("data.pkl", deflated, &zeros)])),
        ("missing", zip_of(&[entry("data.pkl", stored, &good), entry("data/0", deflated, &zeros)])),
        (
            "other way round",
            zip_of(&[
                entry("data.pkl", stored, &good),
                entry("data/0", stored, &numbers),
                entry("byteorder", stored, b"big"),
            ]),
        ),
    ];
    for (says, bytes) in cases {
        let text = told(Checkpoint::open(files.write(&bytes)));
        assert!(text.contains(says), "{text:?} does not say {says:?}");
    }
}

#[test]
fn an_entry_that_is_longer_than_its_file_is_told() {
    let files = Files::new();
    let good = torch_zip(&Pickle::default().state_dict(&[Describe::row("a", "0", 24)]), &[("0", &numbers(24))]);
    // Both lengths of the last entry, in the list at the end of the archive.
    let list = good.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    let mut lie = good.clone();
    lie[list + 20..list + 28].copy_from_slice(&[0xf0, 0xff, 0xff, 0x7f, 0xf0, 0xff, 0xff, 0x7f]);
    told(Checkpoint::open(files.write(&lie)));
}

#[test]
fn truncated_archives_are_told() {
    let files = Files::new();
    let good = torch_zip(&Pickle::default().state_dict(&[Describe::row("a", "0", 24)]), &[("0", &numbers(24))]);
    for cut in (0..good.len()).step_by(7) {
        told(Checkpoint::open(files.write(&good[..cut])));
    }
}

#[test]
fn flipped_bytes_of_a_pickle_never_panic() {
    let files = Files::new();
    let views = [view("a", 0, &[4, 6], &[6, 1]), view("b", 0, &[6, 4], &[1, 6]), Describe::row("c", "1", 24)];
    let pickle = Pickle::default().op(&[0x80, 2]).op(b"}(").text("state_dict").dict(&views).op(b"u").end();
    let numbers = numbers(24);
    let mut dice = Dice(7);
    let mut flip = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        for _ in 0..=dice.below(3) {
            let place = dice.below(bytes.len());
            bytes[place] ^= 1 << dice.below(8);
        }
        bytes
    };
    for _ in 0..2000 {
        // In the pickle, with checksums that fit, so that it is read to the end.
        read_all(&files.write(&torch_zip(&flip(&pickle), &[("0", &numbers), ("1", &numbers)])));
    }
    let whole = torch_zip(&pickle, &[("0", &numbers), ("1", &numbers)]);
    for _ in 0..1000 {
        read_all(&files.write(&flip(&whole)));
    }
}
