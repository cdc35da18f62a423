//! The writer with real models, where they are installed.

use super::{assert_valid, request, write};
use reelboard::progress::Silent;
use reelboard::project::EntityKind;
use reelboard::writer::{DescribeRequest, Sampling, Writer};
use std::path::PathBuf;
use std::time::Instant;

const DEFAULT: &str = "qwen2.5-coder-1.5b-instruct";

/// The GGUF file of an installed model.
fn installed(id: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("REELBOARD_MODELS") {
        Some(folder) => PathBuf::from(folder),
        None => directories::ProjectDirs::from("", "", "reelboard")?.data_dir().join("models"),
    };
    let files = std::fs::read_dir(folder.join(id)).ok()?;
    files.filter_map(|file| Some(file.ok()?.path())).find(|path| path.extension().is_some_and(|e| e == "gguf"))
}

/// Loads a model, or says that the test is skipped.
fn real(id: &str) -> Option<Writer> {
    let Some(path) = installed(id) else {
        println!("skipped: {id} is not installed (reelboard models fetch {id})");
        return None;
    };
    let start = Instant::now();
    let writer = Writer::load(&path, &Silent).unwrap();
    println!("{id} loaded in {:.1} s", start.elapsed().as_secs_f32());
    Some(writer)
}

#[test]
fn a_small_real_llama_writes_a_valid_script() {
    let Some(mut writer) = real("smollm2-135m-instruct") else { return };
    assert_valid(&write(&mut writer, &request("A cat looks for its hat", Some(4), 1)), Some(4));
}

/// `cargo test --test writer looks_from_the_premise -- --ignored --nocapture`
#[test]
#[ignore = "needs the default writer"]
fn a_description_keeps_the_looks_from_the_premise() {
    let Some(mut writer) = real(DEFAULT) else { return };
    let cases = [
        ("young man", EntityKind::Foreground, "blue hair"),
        ("cake", EntityKind::Foreground, "cake"),
        ("kitchen", EntityKind::Background, "kitchen"),
    ];
    for (name, kind, kept) in cases {
        let start = Instant::now();
        let request = DescribeRequest {
            premise: "A young man with blue hair is making cake".to_owned(),
            name: name.to_owned(),
            kind,
            scene: "The young man pours flour into the mixing bowl in the kitchen.".to_owned(),
            seed: 1,
            sampling: Sampling::default(),
        };
        let said = writer.describe(&request, &Silent, &mut |_| {}).unwrap();
        println!("{said} ({:.1} s)", start.elapsed().as_secs_f32());
        assert!(said.contains(kept), "{said}");
    }
}
