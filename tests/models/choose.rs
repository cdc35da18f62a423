//! Which writer a machine gets.

use super::*;
use reelboard::models::{ChoiceReason, ModelError, Registry, Room, choose_writer_for};
use std::fs::File;

const GB: u64 = 1_000_000_000;
const LARGE: &str = "qwen2.5-coder-1.5b-instruct";
const SMALL: &str = "qwen2.5-coder-0.5b-instruct";

/// A file of the right length: enough to be present, though unchecked.
fn place(cache: &ModelCache, registry: &Registry, id: &str) {
    let file = &registry.model(id).unwrap().files[0];
    std::fs::create_dir_all(cache.folder().join(id)).unwrap();
    let placed = File::create(cache.folder().join(id).join(&file.name)).unwrap();
    placed.set_len(file.size_bytes.unwrap()).unwrap();
}

fn room(memory_bytes: u64, disk_bytes: u64) -> Room {
    Room { memory_bytes: Some(memory_bytes), disk_bytes: Some(disk_bytes) }
}

#[test]
fn a_machine_with_room_gets_the_default_writer() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::built_in());
    let cache = ModelCache::at(folder.path());
    let choice = choose_writer_for(&registry, &cache, None, room(8 * GB, 10 * GB)).unwrap();
    assert_eq!((choice.model.id.as_str(), choice.reason, choice.is_missing), (LARGE, ChoiceReason::Default, true));
    place(&cache, &registry, LARGE);
    // What is here needs no disk space.
    let choice = choose_writer_for(&registry, &cache, None, room(8 * GB, 0)).unwrap();
    assert_eq!((choice.model.id.as_str(), choice.is_missing), (LARGE, false));
    let unknown = Room { memory_bytes: None, disk_bytes: None };
    assert_eq!(choose_writer_for(&registry, &cache, None, unknown).unwrap().model.id, LARGE);
}

#[test]
fn a_machine_without_room_gets_the_small_one_and_the_reason() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::built_in());
    let cache = ModelCache::at(folder.path());
    let choice = choose_writer_for(&registry, &cache, None, room(2 * GB, 10 * GB)).unwrap();
    assert_eq!(choice.model.id, SMALL);
    assert_eq!(
        choice.to_string(),
        "Qwen2.5 Coder 0.5B Instruct, because Qwen2.5 Coder 1.5B Instruct needs 2.6 GB of memory and 2.0 GB is free"
    );
    let choice = choose_writer_for(&registry, &cache, None, room(8 * GB, GB)).unwrap();
    assert_eq!(choice.model.id, SMALL);
    assert!(choice.to_string().contains("needs 1.1 GB of disk space and 1.0 GB is free"), "{choice}");
    // No room for either: the fetch will say how much is missing for the one that the user would want.
    assert_eq!(choose_writer_for(&registry, &cache, None, room(8 * GB, 0)).unwrap().model.id, LARGE);
    let error = choose_writer_for(&registry, &cache, None, room(GB, 10 * GB)).unwrap_err();
    assert!(matches!(error, ModelError::Memory { .. }), "{error}");
    assert!(error.to_string().contains("1.0 GB free, Qwen2.5 Coder 0.5B Instruct needs 1.4 GB"), "{error}");
}

#[test]
fn the_small_one_is_used_where_only_it_is_present() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::built_in());
    let cache = ModelCache::at(folder.path());
    place(&cache, &registry, SMALL);
    let choice = choose_writer_for(&registry, &cache, None, room(8 * GB, 10 * GB)).unwrap();
    assert_eq!((choice.model.id.as_str(), choice.is_missing), (SMALL, false));
    assert!(choice.to_string().ends_with("because Qwen2.5 Coder 1.5B Instruct is not on this machine"), "{choice}");
    place(&cache, &registry, LARGE);
    assert_eq!(choose_writer_for(&registry, &cache, None, room(8 * GB, 10 * GB)).unwrap().model.id, LARGE);
}

#[test]
fn the_user_has_the_last_word() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::built_in());
    let cache = ModelCache::at(folder.path());
    let choice = choose_writer_for(&registry, &cache, Some(SMALL), room(8 * GB, 10 * GB)).unwrap();
    assert_eq!((choice.model.id.as_str(), choice.reason), (SMALL, ChoiceReason::Requested));
    let choice = choose_writer_for(&registry, &cache, Some(LARGE), room(GB, 10 * GB)).unwrap();
    assert_eq!(choice.model.id, LARGE);
    assert!(choice.to_string().contains("though it needs 2.6 GB of memory and 1.0 GB is free"), "{choice}");
    let error = choose_writer_for(&registry, &cache, Some("u2netp"), room(GB, GB)).unwrap_err();
    assert_eq!(error.to_string(), "u2netp is not a writer");
    assert!(choose_writer_for(&registry, &cache, Some("gpt"), room(GB, GB)).is_err());
}
