//! What `doctor` says about a machine.

use super::*;
use reelboard::cli::doctor::{Encoder, GpuAdapter, Probed, report};
use reelboard::models::{Accelerator, Compute, DeviceChoice, Dtype, Machine, Registry, Room};

fn works() -> Encoder {
    Encoder { name: "libx264".into(), problem: None }
}

fn machine() -> Machine {
    let room = Room { memory_bytes: Some(8_000_000_000), disk_bytes: None };
    Machine { room, accelerators: Vec::new(), chosen: Compute::default() }
}

fn probed<'a>(adapters: Option<&'a [GpuAdapter]>, encoders: &'a [Encoder]) -> Probed<'a> {
    Probed { adapters, encoders, machine: machine(), cards: Vec::new() }
}

#[test]
fn doctor_lists_the_devices_and_says_which_computes() {
    let folder = tempfile::tempdir().unwrap();
    let card = Accelerator {
        name: "cuda:0".into(),
        title: "A card".into(),
        total_bytes: Some(24_000_000_000),
        free_bytes: None,
        dtypes: vec![Dtype::F16, Dtype::F32],
    };
    let of = |machine: Machine, cards: &[&str]| {
        let cards = cards.iter().map(|card| (*card).to_owned()).collect();
        report(
            &Registry::built_in(),
            &cache(folder.path(), NOWHERE),
            Probed { adapters: None, encoders: &[works()], machine, cards },
        )
    };
    let with_card = Machine { accelerators: vec![card], ..machine() };
    let text = of(with_card.clone(), &[]).to_string();
    assert!(text.contains("cuda:0      A card; memory 24.0 GB, unknown free; f16 f32"), "{text}");
    assert!(text.contains("8.0 GB free; f32 f16 bf16") && text.contains("uses        f16 on cuda:0"), "{text}");

    let on_cpu = Compute { device: DeviceChoice::Cpu, ..Compute::default() };
    let text = of(Machine { chosen: on_cpu, ..with_card }, &[]).to_string();
    assert!(text.contains("uses        f32 on cpu, where that fits (device cpu,"), "{text}");

    let missing = Compute { device: DeviceChoice::Cuda(7), ..Compute::default() };
    let report = of(Machine { chosen: missing, ..machine() }, &["A card; driver 580"]);
    let problem = report.problems.iter().find(|problem| problem.what.contains("cannot compute")).unwrap();
    if cfg!(feature = "cuda") {
        assert!(problem.what.contains("there is no cuda:7"), "{problem:?}");
    } else {
        assert!(problem.what.contains("cargo build --release --features cuda"), "{problem:?}");
        assert!(report.problems.iter().any(|problem| problem.what.contains("not on the graphics card")));
        assert!(report.to_string().contains("not used    A card; driver 580"), "{report}");
    }
}

#[test]
fn doctor_says_what_is_missing_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Encoder { name: "h264_nvenc".into(), problem: Some("no such device".into()) };
    let encoders = [broken];
    let report = report(&Registry::built_in(), &cache(folder.path(), NOWHERE), probed(Some(&[]), &encoders));
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
    let report = report(&registry, &cache(folder.path(), NOWHERE), probed(None, &[works()]));
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
    let adapters = [software];
    let report = report(&Registry::built_in(), &cache(folder.path(), NOWHERE), probed(Some(&adapters), &[works()]));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["adapters"][0]["name"], "llvmpipe");
    assert_eq!(json["encoders"][0]["problem"], serde_json::Value::Null);
    let state = |id: &str| {
        let models = json["models"].as_array().unwrap();
        models.iter().find(|model| model["id"] == id).unwrap()["state"].clone()
    };
    assert_eq!(state("u2netp"), "builtin");
    assert_eq!(state("chatglm3-6b"), "missing");
    assert_eq!(json["models"][0]["state"], "missing");
    assert_eq!(json["compute"]["devices"][0]["name"], "cpu");
    assert_eq!(json["compute"]["uses"], "f32 on cpu");
    assert!(json["cpu"]["threads"].as_u64().unwrap() > 0);
    assert!(
        json["problems"]
            .as_array()
            .unwrap()
            .iter()
            .any(|problem| problem["what"] == "the window is drawn by the processor")
    );
}
