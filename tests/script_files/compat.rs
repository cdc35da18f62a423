//! The verdicts of the original's parser, on answers that it was given.

use reelboard::writer::compat::{Kept, Plan, Reject, Rules};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The cases of the folder that `REELBOARD_FIXTURES` names, else those of the repository.
fn cases() -> Value {
    let root = std::env::var_os("REELBOARD_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"), PathBuf::from);
    let path = root.join("script_parse/cases.json");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

fn kept(names: &[Kept]) -> Value {
    names.iter().map(|kept| serde_json::json!({ "name": kept.name, "scenes": kept.scenes })).collect()
}

fn indices(indices: &[Option<usize>]) -> Value {
    indices.iter().map(|index| index.map_or(-1, |index| index as i64)).collect()
}

/// What we make of a case, in the form of the file.
fn verdict(case: &Value, attempt: u32, rules: Rules) -> Value {
    let template = case["description_template"].as_str().unwrap();
    let answer = || -> Result<Value, Reject> {
        let plan = Plan::parse(case["response"].as_str().unwrap(), attempt, rules)?;
        let script = plan.script(|name| template.replace("{name}", name), |text| format!("TRANSLATED({text})"))?;
        Ok(serde_json::json!({
            "verdict": "accept",
            "script": {
                "scene_prompt": script.scene_prompt,
                "scene_foreground": indices(&script.scene_foreground),
                "scene_background": indices(&script.scene_background),
                "entity_prompt": script.entity_prompt,
            },
            "common_entities": kept(&plan.entities),
            "common_backgrounds": kept(&plan.backgrounds),
            "entity_names_in_order": plan.names(),
            "num_auxiliary_queries": script.queries,
        }))
    };
    answer().unwrap_or_else(|_| serde_json::json!({ "verdict": "reject" }))
}

#[test]
fn every_answer_gets_the_originals_verdict_and_entities() {
    let file = cases();
    let number = |key: &str| file[key].as_u64().unwrap();
    let rules = Rules {
        steps: number("required_steps") as usize,
        top_k: number("top_k") as usize,
        max_try: number("max_try") as u32,
        camera_check_attempts: number("camera_check_attempts") as u32,
    };
    let cases = file["cases"].as_array().unwrap();
    let (mut compared, mut rejected) = (0, 0);
    for case in cases {
        for attempt in 1..=rules.max_try {
            let Some(wanted) = case.get(format!("attempt_{attempt}")) else { continue };
            let ours = verdict(case, attempt, rules);
            assert_eq!(&ours, wanted, "{}, attempt {attempt}", case["name"]);
            compared += 1;
            rejected += usize::from(ours["verdict"] == "reject");
        }
    }
    println!("{} cases, {compared} verdicts, {rejected} of them rejections", cases.len());
    assert!(compared >= cases.len() && compared > 0);
}

#[test]
fn a_rejection_says_what_is_wrong_and_where() {
    let reason = |answer: &str| Plan::parse(answer, 1, Rules::default()).unwrap_err().to_string();
    let step = |n: usize| format!("[step_{n}: [A; entities: a; background: b]]");
    let steps = |count: usize| (1..=count).map(step).collect::<Vec<_>>().join("\n");
    assert_eq!(reason(""), "line 1 does not begin with \"[step_1: \" and end with \"]\"");
    assert!(reason(&format!("{}\n", steps(4))).starts_with("line 5 "));
    assert_eq!(reason(&steps(3)), "there are 3 steps in place of 4");
    assert!(reason(&steps(4).replace("[A", "[A camera")).contains("\"camera\""));
    assert!(reason(&steps(4).replacen("; entities: a", "", 1)).starts_with("step 1 has \"; entities: \" 0 times"));
    assert!(Plan::parse(&steps(4), 6, Rules::default()).is_err());
    assert!(Plan::parse(&steps(4), 5, Rules::default()).is_ok());
}
