//! What `doctor` says about a machine.

use super::*;
use reelboard::cli::doctor::{Encoder, GpuAdapter, Probed, report};
use reelboard::models::Registry;

fn works() -> Encoder {
    Encoder { name: "libx264".into(), problem: None }
}

#[test]
fn doctor_says_what_is_missing_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Encoder { name: "h264_nvenc".into(), problem: Some("no such device".into()) };
    let probed = Probed { adapters: Some(&[]), encoders: &[broken] };
    let report = report(&Registry::built_in(), &cache(folder.path(), NOWHERE), probed);
    let text = report.to_string();
    for what in ["no graphics adapter", "no video encoder can be opened", "no writer on this machine"] {
        assert!(report.problems.iter().any(|problem| problem.what.contains(what)), "{text}");
    }
    for problem in &report.problems {
        assert!(!problem.advice.is_empty());
        assert!(text.contains(&format!("  - {}\n    {}\n", problem.what, problem.advice)), "{text}");
    }
    assert!(text.contains("h264_nvenc  no such device"), "{text}");
    assert!(text.contains(&folder.path().display().to_string()), "{text}");
}

#[test]
fn doctor_names_a_damaged_model() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::built_in();
    let model = registry.model("smollm2-135m-instruct").unwrap();
    let path = folder.path().join(&model.id).join(&model.files[0].name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "cut off").unwrap();
    let probed = Probed { adapters: None, encoders: &[works()] };
    let report = report(&registry, &cache(folder.path(), NOWHERE), probed);
    let problem = report.problems.iter().find(|problem| problem.what.contains("damaged")).unwrap();
    assert_eq!(
        problem.what,
        "smollm2-135m-instruct is damaged: SmolLM2-135M-Instruct.Q4_1.gguf: 7 bytes instead of 98362432"
    );
    assert_eq!(problem.advice, "get it again with: reelboard models fetch smollm2-135m-instruct");
}

#[test]
fn doctor_speaks_json() {
    let folder = tempfile::tempdir().unwrap();
    let software = GpuAdapter { name: "llvmpipe".into(), backend: "Vulkan".into(), is_software: true };
    let probed = Probed { adapters: Some(&[software]), encoders: &[works()] };
    let report = report(&Registry::built_in(), &cache(folder.path(), NOWHERE), probed);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["adapters"][0]["name"], "llvmpipe");
    assert_eq!(json["encoders"][0]["problem"], serde_json::Value::Null);
    assert_eq!(json["models"][3]["state"], "builtin");
    assert_eq!(json["models"][0]["state"], "missing");
    assert!(json["cpu"]["threads"].as_u64().unwrap() > 0);
    assert!(
        json["problems"]
            .as_array()
            .unwrap()
            .iter()
            .any(|problem| problem["what"] == "the window is drawn by the processor")
    );
}
